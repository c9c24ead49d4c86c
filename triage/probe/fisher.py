"""Exact tests and intervals for small counts: Fisher, Wilson, the bound that zero failures leave."""

from __future__ import annotations

from math import comb, isfinite, log, sqrt

_TOLERANCE = 1.0 + 1e-9


def one_sided(failed_a: int, runs_a: int, failed_b: int, runs_b: int) -> float:
    """P(at most `failed_b` failures in B), given the margins, if A and B fail equally often.

    Small where B fails less than A. Fisher's exact test; 1.0 where either arm is empty.
    Raises ValueError for counts that cannot be.
    """
    _checked(failed_a, runs_a, failed_b, runs_b)
    failed = failed_a + failed_b
    lowest = max(0, failed - runs_a)
    return min(1.0, sum(_point(k, runs_b, failed, runs_a + runs_b) for k in range(lowest, failed_b + 1)))


def two_sided(failed_a: int, runs_a: int, failed_b: int, runs_b: int) -> float:
    """Total probability of all tables with these margins that are no likelier than this one."""
    _checked(failed_a, runs_a, failed_b, runs_b)
    failed, total = failed_a + failed_b, runs_a + runs_b
    here = _point(failed_b, runs_b, failed, total) * _TOLERANCE
    span = range(max(0, failed - runs_a), min(failed, runs_b) + 1)
    return min(1.0, sum(p for k in span if (p := _point(k, runs_b, failed, total)) <= here))


def wilson(failed: int, runs: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's interval for a failure rate (95 % by default); (0, 1) without runs."""
    if runs == 0:
        return 0.0, 1.0
    rate, z2 = failed / runs, z * z
    middle = (rate + z2 / (2 * runs)) / (1 + z2 / runs)
    half = z * sqrt(rate * (1 - rate) / runs + z2 / (4 * runs * runs)) / (1 + z2 / runs)
    return max(0.0, middle - half), min(1.0, middle + half)


def still_allowed(runs: int, confidence: float = 0.95) -> float:
    """Failure rate that `runs` green runs do not exclude (one-sided): 1 - (1 - confidence)^(1/n)."""
    return 1.0 if runs <= 0 else float(1.0 - (1.0 - confidence) ** (1.0 / runs))


def runs_needed(rate: float, alpha: float = 0.05) -> int:
    """Green runs after which a failure rate of `rate` would have shown: n >= ln(alpha) / ln(1 - rate)."""
    if not isfinite(rate) or not 0.0 < rate <= 1.0:
        raise ValueError(f"a failure rate lies in (0, 1], not {rate}")
    if rate == 1.0:
        return 1
    return int(-(-log(alpha) // log(1.0 - rate)))


def repeats_for(rate: float, alpha: float, cap: int = 40) -> int:
    """Repeats of each arm so that a failure rate of `rate` against none gives p <= alpha.

    The expected count is lowered by one standard deviation, so that bad luck seldom spoils it.
    """
    for runs in range(4, cap + 1):
        seen = int(runs * rate - sqrt(runs * rate * (1.0 - rate)))
        if seen > 0 and one_sided(seen, runs, 0, runs) <= alpha:
            return runs
    return cap


def _checked(failed_a: int, runs_a: int, failed_b: int, runs_b: int) -> None:
    if not (0 <= failed_a <= runs_a and 0 <= failed_b <= runs_b):
        raise ValueError(f"impossible counts: {failed_a} of {runs_a} against {failed_b} of {runs_b}")


def _point(k: int, runs_b: int, failed: int, total: int) -> float:
    return comb(failed, k) * comb(total - failed, runs_b - k) / comb(total, runs_b)
