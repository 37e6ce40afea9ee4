"""What the user wrote: a node, its body and where it stands.

A node is data. Dependencies are resolved by `graph` when all nodes are known, so the order of definition does not
matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from wfkit.core.frozen import dataclass
from wfkit.core.policy import Options
from wfkit.core.terms import NodeKind


@dataclass(frozen=True, slots=True)
class Each:
    """`each: item in over`: one task for each item of the value of `over`."""

    item: str
    over: str


@dataclass(frozen=True, slots=True)
class Node:
    """One step of a workflow.

    `source` is the body as typed (LF line ends). `names` are the names that the body reads and does not define itself;
    those that are nodes become dependencies. `parameters` is given for functions only: every parameter without a
    default must be a node. `label` is the file name shown in tracebacks, `first_line` the number (from 1) that the
    body's first line has in its cell. `namespace` is the live mapping in which other names are looked up when a plan is
    made; `function` is the function itself for nodes made from one; `value` belongs to inputs.
    """

    name: str
    kind: NodeKind
    source: str
    names: tuple[str, ...] = ()
    parameters: tuple[str, ...] | None = None
    options: Options = Options()
    each: Each | None = None
    label: str = ""
    first_line: int = 1
    namespace: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    function: Callable[..., Any] | None = field(default=None, compare=False, repr=False)
    value: Any = field(default=None, compare=False, repr=False)
