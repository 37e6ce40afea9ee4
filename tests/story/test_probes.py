"""Every probe, in two processes on one store: what must run again runs, what must not is a hit, and no value is stale.

The probes themselves, each with the rule it proves, are in `probes/`.
"""

from __future__ import annotations

import pytest

from tests.story.probes.catalogue import PROBES
from tests.story.probes.lab import Story, tell

pytestmark = pytest.mark.timeout(600)  # the first test tells all stories


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Story]:
    """All probes, told once for this file."""
    return {(story.probe.name, story.form): story for story in tell(PROBES, tmp_path_factory.mktemp("probes"))}


@pytest.mark.parametrize(("name", "form"), [(probe.name, form) for probe in PROBES for form in probe.forms])
def test_probe(name: str, form: str, stories: dict[tuple[str, str], Story]) -> None:
    """The rule of the probe holds, in each form in which a node can be written."""
    story = stories[name, form]
    assert story.verdict() == "pass", story


def test_names_are_unique() -> None:
    """A name tells one probe."""
    assert len({probe.name for probe in PROBES}) == len(PROBES)
