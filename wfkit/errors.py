"""The one error tree of wfkit. Every message says what happened, where, and what to do next.

    WfkitError                  exit code 1
    ├── DefinitionError    2    a node or a graph is not well formed
    │   ├── OptionError         an unknown or malformed option
    │   ├── CellError           the body of a Python node
    │   ├── TemplateError       the body of a prompt
    │   ├── SchemaError         a schema that is unknown or is none
    │   └── GraphError          a cycle, a missing or ambiguous dependency
    ├── UsageFault         2    a command or verb was called wrongly (a notebook that is none, an unknown target)
    ├── ModelUnavailable   2    unknown model: found before any call
    │   └── KeyMissing          its API key is not set
    ├── ValueFault              a value that cannot be digested, stored or loaded
    ├── CallFailed              a request to a model failed (`failure` tells how)
    ├── RunFailed          1    a run ended with failed nodes
    ├── NotTheSame         1    a fresh kernel gives something else than the live one
    ├── BudgetRefused      4    more would be spent than allowed
    └── StoreFault         6    the store is not available, newer, or damaged

Exceptions hold only strings, numbers and frozen data, so they can be copied and pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wfkit.core.call import Failure


class WfkitError(Exception):
    """Base of all errors that wfkit raises on purpose. `exit_code` is what the command line ends with."""

    exit_code = 1


class DefinitionError(WfkitError):
    """A node or graph is not well formed; nothing was changed."""

    exit_code = 2


class OptionError(DefinitionError):
    """An option of a node is unknown or its value is not acceptable."""


class CellError(DefinitionError):
    """The Python body of a node is not acceptable."""


class TemplateError(DefinitionError):
    """The prompt of a node is not acceptable."""


class SchemaError(DefinitionError):
    """A schema is unknown or is not a schema."""


class GraphError(DefinitionError):
    """The nodes do not form a graph that can run: a cycle, a missing dependency, two nodes of one name."""


class UsageFault(WfkitError):
    """A command or verb was called wrongly."""

    exit_code = 2


class ModelUnavailable(WfkitError):
    """A model cannot be asked: it is unknown, or its API key is missing. Found before any request is sent."""

    exit_code = 2


class KeyMissing(ModelUnavailable):
    """The API key of a model's provider is not set."""


class ValueFault(WfkitError):
    """A value cannot be digested, stored or loaded."""


class CallFailed(WfkitError):
    """A request to a model failed. `failure` has the kind, the HTTP status and the wait that the provider asked for."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        return self.failure.message


class RunFailed(WfkitError):
    """A run ended with failed nodes; the values of the others are kept."""


class NotTheSame(WfkitError):
    """A notebook that is executed in a fresh kernel gives something else, or does not run to its end."""


class BudgetRefused(WfkitError):
    """More would be spent than allowed, or it is not known how much. `plan` is the view of the plan that says so."""

    exit_code = 4

    def __init__(self, message: str, plan: object = None) -> None:
        super().__init__(message)
        self.plan = plan

    def __reduce__(self) -> tuple[type[BudgetRefused], tuple[str]]:
        return BudgetRefused, (str(self),)


class StoreFault(WfkitError):
    """The store is not available, is newer than this wfkit, or is damaged."""

    exit_code = 6
