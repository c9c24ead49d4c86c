"""What a recorded failure rate lets happen by chance, and what it does not."""

import random

import pytest

from triage.model.rate import FlakyRecord, wilson


def test_wilson_against_published_figures():
    """R. G. Newcombe, Stat. Med. 17 (1998) 857-872, table I: method 3 for 81/263, 15/148, 0/20, 1/29."""
    for failed, runs, low, high in [
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
    ]:  # fmt: skip
        assert wilson(failed, runs) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("failed", "runs", "reds", "explained"),
    [
        (1, 3, 3, True),  # half the time is not excluded: three reds in a row happen
        (10, 20, 3, True),
        (10, 20, 8, True),  # 0.7 ^ 8 = 5.8 %
        (10, 20, 9, False),
        (1, 100, 1, True),
        (1, 100, 3, False),  # a test that fails once in 100 runs fails steadily now
        (19, 20, 20, True),  # one that nearly always fails
    ],
)
def test_reds_in_a_row(failed, runs, reds, explained):
    record = FlakyRecord(runs=runs, failed=failed)
    assert record.explains(reds) is explained


def test_a_streak_over_several_runs_is_no_chance():
    assert FlakyRecord(runs=40, failed=20, reds_since=3).explains(3)
    assert not FlakyRecord(runs=40, failed=20, reds_since=15).explains(3)


@pytest.mark.parametrize(
    ("failed", "runs", "passes"),
    [(1, 2, 5), (1, 10, 29), (9, 10, 2), (1, 1, 2)],
)  # (1 - rate) ^ passes <= 5 %, never one
def test_passes_needed(failed, runs, passes):
    record = FlakyRecord(runs=runs, failed=failed)
    assert record.passes_needed == passes
    assert not record.is_mended(passes - 1)
    green_since = {"runs": runs + passes - 1, "greens_since": passes - 1}
    assert record.model_copy(update=green_since).is_mended(1), (
        "greens do not lower the rate they are judged by"
    )


def test_a_steady_rate_is_nearly_always_explained():
    """With the executions asked for, a test that fails half the time is called steady once in 1000 runs."""
    chance = random.Random(3)
    wrong = 0
    for _ in range(500):
        runs = chance.randrange(3, 60)
        record = FlakyRecord(runs=runs, failed=sum(chance.random() < 0.5 for _ in range(runs)))
        reds = 0
        while chance.random() < 0.5 and reds < record.executions_to_exclude_chance:
            reds += 1
        wrong += reds >= record.executions_to_exclude_chance and not record.explains(reds)
    assert wrong <= 3
