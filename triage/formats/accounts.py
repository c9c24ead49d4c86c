"""Settle what the rows of one test say of it: one outcome with its failures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from triage.formats.imported_test import ImportedTest, failures_of
from triage.formats.limits import Limits, Notes
from triage.model.failure import UNTOLD, Failure, Raised
from triage.model.outcome import Outcome, Phase

_COUNTS_SUBTESTS = re.compile(r"^contains \d+ failed subtests?$")


@dataclass(frozen=True)
class Account:
    """What one report says of one test, or what all reports say together."""

    outcome: Outcome
    failures: tuple[Failure, ...]
    duration: float | None
    notes: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, int, int, bool]:
        """The account that counts is the greatest: the worst outcome, then the fullest text."""
        frames = characters = 0
        for failure in self.failures:
            frames += sum(len(raised.frames) for raised in failure.chain)
            captured = failure.captured
            characters += len(failure.longrepr) + len(captured.stdout) + len(captured.stderr)
        says_more = self.outcome is not Outcome.PASSED  # JUnit takes an unexpected pass for a pass
        return _badness(self.outcome), frames, characters, says_more


def _badness(outcome: Outcome) -> int:
    """Where nothing says which of several runs counts, red wins, and what is unfinished is never green."""
    if outcome.is_red:
        return 4
    if not outcome.ran:
        return 3
    if outcome.is_flaky:
        return 2
    return 1 if outcome.is_green else 0


def account_of(nodeid: str, rows: Sequence[ImportedTest], *, limits: Limits, notes: Notes) -> Account:
    """Settle the rows of one test in one report.

    Several are attempts where the report says so; pytest's JUnit has a row apart for an error in the
    teardown; else they are runs that nothing tells apart, and the worst counts.
    """
    teardowns = [row for row in rows if _is_teardown_error(row)]
    runs = [row for row in rows if row not in teardowns] or teardowns[:1]
    if _are_attempts(runs):
        outcome, counted = _settle_attempts(runs)
    else:
        outcome, counted = _settle_alike(runs, notes)
    passed_until_teardown = bool(teardowns) and not outcome.is_red
    if passed_until_teardown:
        outcome = Outcome.ERROR
    counted += [row for row in teardowns if row not in counted]
    durations = [row.duration for row in rows if row.duration is not None]
    return Account(
        outcome=outcome,
        failures=_failures_in(counted, nodeid, limits) if outcome.has_failures else (),
        duration=max(durations, default=None),
        notes=tuple(dict.fromkeys(row.note for row in rows if row.note)),
    )


def _failures_in(counted: Sequence[ImportedTest], nodeid: str, limits: Limits) -> tuple[Failure, ...]:
    """What the rows that count tell; one that nothing is known of where they tell nothing."""
    failures: list[Failure] = []
    for row in counted:
        for failure in row.failures:
            failures += failures_of(failure, row, nodeid, limits=limits)
    return _causes(failures or [_untold(nodeid, counted[0])])


def joint_account(accounts: Sequence[tuple[str, Account]]) -> Account:
    """Settle what several reports, by their names, say of one test: the worst outcome, told most fully."""
    if len(accounts) == 1:
        return accounts[0][1]
    all_accounts = [account for _, account in accounts]
    counted = max(all_accounts, key=lambda account: account.rank)
    notes = [note for account in all_accounts for note in account.notes]
    if len({account.outcome.has_failures for account in all_accounts}) > 1:
        told = ", ".join(f"{account.outcome} in {report}" for report, account in accounts)
        notes.append(f"several reports disagree, and the worst counts: {told}")
    durations = [account.duration for account in all_accounts if account.duration is not None]
    return Account(
        outcome=counted.outcome,
        failures=counted.failures,
        duration=max(durations, default=None),
        notes=tuple(dict.fromkeys(notes)),
    )


def _are_attempts(runs: Sequence[ImportedTest]) -> bool:
    """Whether the report says that these are attempts of one test, one after another."""
    starts = {row.started for row in runs}
    told = {row.retry_of for row in runs}
    are_in_order = len(starts) == len(runs) and None not in starts
    are_of_one_test = len(told) == 1 and "" not in told
    return len(runs) > 1 and are_in_order and are_of_one_test


def _settle_alike(runs: Sequence[ImportedTest], notes: Notes) -> tuple[Outcome, list[ImportedTest]]:
    """Of runs that nothing tells apart the worst counts."""
    worst = max(runs, key=lambda row: _badness(row.outcome))
    if len(runs) > 1:
        notes.drop("rows of one test that nothing tells apart: of these the worst counts", len(runs) - 1)
    return worst.outcome, [worst]


def _settle_attempts(runs: Sequence[ImportedTest]) -> tuple[Outcome, list[ImportedTest]]:
    """The last attempt counts; a test that passed in the end after it had failed is flaky."""
    in_order = sorted(runs, key=lambda row: row.started or 0.0)
    last = in_order[-1]
    failed = [row for row in in_order if row.outcome.has_failures]
    if last.outcome.passes and failed:
        return Outcome.FLAKY, failed
    return last.outcome, [last]


def _is_teardown_error(row: ImportedTest) -> bool:
    phases = {failure.phase for failure in row.failures}
    return phases == {Phase.TEARDOWN}


def _untold(nodeid: str, row: ImportedTest) -> Failure:
    phase = Phase.COLLECT if row.is_collection_error else Phase.CALL
    return Failure(nodeid=nodeid, phase=phase, chain=(Raised(type="", message=UNTOLD),), source=row.source)


def _causes(failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """The failures without the one that only counts failed subtests, where those are there themselves."""
    causes = [failure for failure in failures if not _COUNTS_SUBTESTS.search(failure.message)]
    return tuple(causes or failures)
