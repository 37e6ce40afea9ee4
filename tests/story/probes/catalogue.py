"""All probes, by topic. Nothing else lives here."""

from __future__ import annotations

from tests.story.probes import classes, files, functions, looks, modules, prompts, values
from tests.story.probes.probe import Probe

TOPICS: dict[str, list[Probe]] = {
    "functions": functions.PROBES,
    "classes": classes.PROBES,
    "modules": modules.PROBES,
    "values": values.PROBES,
    "files": files.PROBES,
    "prompts": prompts.PROBES,
    "looks": looks.PROBES,
}
PROBES: list[Probe] = [probe for probes in TOPICS.values() for probe in probes]
