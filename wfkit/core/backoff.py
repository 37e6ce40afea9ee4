"""How long to wait before the next attempt.

Pure arithmetic: the roll of the dice is a function of the run's seed, so no random number is drawn here.
"""

from __future__ import annotations

from wfkit.core.policy import RetryPolicy

_MASK = (1 << 64) - 1


def roll(seed: int, task: int, attempt: int) -> float:
    """A number in [0, 1) that depends on its arguments alone (SplitMix64, Steele, Lea and Flood, OOPSLA 2014).

    A replayed log so has the jitter of the live run, without keeping it.
    """
    x = (seed + task * 0x9E3779B97F4A7C15 + attempt * 0xD1B54A32D192ED03) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((x ^ (x >> 31)) >> 11) / (1 << 53)


def wait_s(policy: RetryPolicy, failures: int, dice: float, retry_after_s: float | None = None) -> float:
    """Seconds to wait after failure number `failures` (from 1).

    The formula is `max(retry_after, dice * min(max_delay_s, base_s * 2**(failures - 1)))`, `dice` in [0, 1).
    A provider's Retry-After holds even beyond `max_delay_s`: asking earlier would be refused again.
    """
    ceiling = min(policy.max_delay_s, policy.base_s * 2.0 ** min(failures - 1, 60))
    return max(retry_after_s or 0.0, dice * ceiling)
