"""Fisher's exact test: the one rule by which two arms of an experiment are compared."""

from __future__ import annotations

from math import comb


def one_sided(failed_a: int, runs_a: int, failed_b: int, runs_b: int) -> float:
    """P(at most `failed_b` failures in B), given the margins, if A and B fail equally often.

    Small where B fails less than A. 1.0 where either arm is empty.
    Raises ValueError for counts that cannot be.
    """
    if not (0 <= failed_a <= runs_a and 0 <= failed_b <= runs_b):
        raise ValueError(f"impossible counts: {failed_a} of {runs_a} against {failed_b} of {runs_b}")
    failed, total = failed_a + failed_b, runs_a + runs_b
    fewest_in_b = max(0, failed - runs_a)
    p = sum(_hypergeometric(k, runs_b, failed, total) for k in range(fewest_in_b, failed_b + 1))
    return min(1.0, p)


def _hypergeometric(k: int, runs_b: int, failed: int, total: int) -> float:
    """P(exactly `k` of `failed` failures among `total` runs fall into the `runs_b` of B)."""
    return comb(failed, k) * comb(total - failed, runs_b - k) / comb(total, runs_b)
