"""The words of wfkit: states, reasons and kinds, as string enums.

Only names live here, with the sets that group them. No behaviour and no numbers.
"""

from __future__ import annotations

from enum import StrEnum


class NodeKind(StrEnum):
    """What kind of body a node has."""

    PYTHON = "python"
    PROMPT = "prompt"
    INPUT = "input"


class TaskState(StrEnum):
    """The life of a task. `cached` means that no attempt was made."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    WAITING_REVIEW = "waiting_review"
    SUCCESS = "success"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class RunState(StrEnum):
    """The life of a run."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    PARTIAL = "partial"
    WAITING_REVIEW = "waiting_review"
    BUDGET_STOPPED = "budget_stopped"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a task runs or does not."""

    NEVER_RUN = "never_run"
    CODE_CHANGED = "code_changed"
    PROMPT_CHANGED = "prompt_changed"
    INPUT_CHANGED = "input_changed"
    FILE_CHANGED = "file_changed"
    ENVIRONMENT_CHANGED = "environment_changed"
    SETTINGS_CHANGED = "settings_changed"
    EXPIRED = "expired"
    FORCED = "forced"
    FAILED_BEFORE = "failed_before"
    VALUE_MISSING = "value_missing"
    UNCACHEABLE = "uncacheable"
    AWAITS = "awaits"
    CACHED = "cached"
    KEPT_OLD_CODE = "kept_old_code"
    UPSTREAM_FAILED = "upstream_failed"
    BRANCH_NOT_TAKEN = "branch_not_taken"


class FailureKind(StrEnum):
    """Why an attempt or a call failed; the kind decides whether and when it is tried again."""

    EXCEPTION = "exception"
    TRANSIENT = "transient"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    TIMEOUT = "timeout"
    INVALID_REQUEST = "invalid_request"
    INVALID_OUTPUT = "invalid_output"
    LOW_CONFIDENCE = "low_confidence"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    EMPTY = "empty"
    UNSTORABLE = "unstorable"
    BUDGET = "budget"
    UNAVAILABLE = "unavailable"
    DIVERGED = "diverged"
    EXHAUSTED = "exhausted"
    CANCELLED = "cancelled"


class Verdict(StrEnum):
    """What a stored reply is worth. Only a valid one serves a new attempt."""

    VALID = "valid"
    INVALID = "invalid"
    TRUNCATED = "truncated"
    REFUSED = "refused"


class UsageSource(StrEnum):
    """Where token counts come from."""

    PROVIDER = "provider"
    STREAM_FINAL = "stream_final"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


class CostSource(StrEnum):
    """Where an amount of money comes from."""

    PROVIDER = "provider"
    LOCAL = "local"
    ESTIMATED = "estimated"
    UNKNOWN = "unknown"


class Act(StrEnum):
    """What a guard did."""

    WAITED = "waited"
    REFUSED = "refused"
    OPENED = "opened"
    PROBED = "probed"
    CLOSED = "closed"
    SHRUNK = "shrunk"
    GROWN = "grown"


class OnError(StrEnum):
    """What a failed task means for those who need it."""

    FAIL = "fail"
    SKIP = "skip"
    KEEP = "keep"


DONE_WELL = frozenset({TaskState.SUCCESS, TaskState.CACHED})
ENDED = frozenset({TaskState.SUCCESS, TaskState.CACHED, TaskState.FAILED, TaskState.SKIPPED, TaskState.CANCELLED})
