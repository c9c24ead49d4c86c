"""Which changed state was in force before a test, by what each test changes where the tracer saw it. Pure.

The tracer has seen one run in file order; that a test changes the same in another order is an assumption. It
only says what is worth a run, and whom to suspect first: what is concluded is shown by experiments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from triage.hunt.readers import Readers
from triage.hunt.seen import SeenRun
from triage.hunt.writers import Changes, wanted_values


class InForce:
    """Pieces of state and their values as bits of a number: thousands of each fit."""

    def __init__(self, changes: Changes, readers: Readers | None = None) -> None:
        """Gives every value that some test leaves a bit, and every piece one for "not as at first"."""
        self._readers = Readers({}, {}) if readers is None else readers
        self._readable: dict[str, int] = {}
        """Bits of what a test may read, once somebody has asked."""
        self._written: dict[str, int] = {}
        """Bits that a test sets."""
        self._overwritten: dict[str, int] = {}
        """Bits of the pieces that a test changes, to whatever value."""
        self._walked: dict[int, tuple[SeenRun, dict[str, int]]] = {}
        """By identity of a run: the run, and what was in force before each of its tests."""
        bits: dict[tuple[str, str], int] = {}
        of_key: dict[str, int] = {}
        for key, digest in sorted(wanted_values(changes)):
            of_key.setdefault(key, self._next_bit(of_key, bits))
            bits[key, digest] = self._next_bit(of_key, bits)
        self.values = sum(bits.values())
        """All bits that stand for a value."""
        self.pieces = sum(of_key.values())
        """All bits that stand for a piece which is not as at first."""
        every_bit = self._every_bit = dict(of_key)
        """By piece: all its bits."""
        for (key, _), bit in bits.items():
            every_bit[key] |= bit
        for nodeid, keys in changes.of_tests:
            left = changes.leaves(keys)
            for key, digest in keys.items():
                self._overwritten[nodeid] = self._overwritten.get(nodeid, 0) | every_bit.get(key, 0)
                if key in left:
                    bit = of_key.get(key, 0) | bits.get((key, digest), 0)
                    self._written[nodeid] = self._written.get(nodeid, 0) | bit

    @staticmethod
    def _next_bit(of_key: Mapping[str, int], bits: Mapping[tuple[str, str], int]) -> int:
        return 1 << (len(of_key) + len(bits))

    @property
    def writers(self) -> frozenset[str]:
        """Tests that leave something changed."""
        return frozenset(nodeid for nodeid, written in self._written.items() if written)

    def written_by(self, nodeid: str) -> int:
        """What a test leaves."""
        return self._written.get(nodeid, 0)

    def changed_by(self, nodeid: str) -> int:
        """All bits of the pieces that a test changes, whatever it makes of them."""
        return self._overwritten.get(nodeid, 0)

    def readable(self, nodeid: str) -> int:
        """All bits of the pieces that a test may read."""
        if nodeid not in self._readable:
            reads, libraries = self._readers.reads_of(nodeid), self._readers.libraries
            found = 0
            for key, every_bit in self._every_bit.items():
                if reads.has(key, libraries):
                    found |= every_bit
            self._readable[nodeid] = found
        return self._readable[nodeid]

    def behind(self, order: Iterable[str]) -> int:
        """What is in force behind these tests."""
        state = 0
        for nodeid in order:
            state = self._after(state, nodeid)
        return state

    def before(self, run: SeenRun) -> Mapping[str, int]:
        """What was in force before each test of a run; of one that ran twice, before its last time.

        A run is walked once, however many victims are looked for in it.
        """
        known = self._walked.get(id(run))
        if known is None:
            # the run is kept beside its answer: another one could get its identity
            known = self._walked[id(run)] = run, self._walk(run)
        return known[1]

    def _walk(self, run: SeenRun) -> dict[str, int]:
        found: dict[str, int] = {}
        state = 0
        for place, nodeid in enumerate(run.order):
            found[nodeid] = state
            # from `apart` on each test ran behind the common ones alone
            if run.apart is None or place < run.apart:
                state = self._after(state, nodeid)
        return found

    def _after(self, state: int, nodeid: str) -> int:
        overwritten, written = self._overwritten.get(nodeid, 0), self._written.get(nodeid, 0)
        if not (overwritten or written):
            return state  # the same number, and not an equal one: thousands of tests share it
        return state & ~overwritten | written

    def lacking(self, runs: Sequence[SeenRun], tests: Sequence[str]) -> dict[str, int]:
        """The values that each test may read, does not leave itself, and has not run behind yet."""
        seen = dict.fromkeys(tests, 0)
        for run in runs:
            for nodeid, state in self.before(run).items():
                if nodeid in seen:
                    seen[nodeid] |= state
        return {
            nodeid: self.values & self.readable(nodeid) & ~state & ~self.written_by(nodeid)
            for nodeid, state in seen.items()
        }

    def ever_changed(self, runs: Sequence[SeenRun], tests: Sequence[str]) -> dict[str, int]:
        """Pieces changed before a test wherever it passed, which it may read: it may need them so."""
        common = {nodeid: self.pieces & self.readable(nodeid) for nodeid in tests}
        for run in runs:
            for nodeid, state in self.before(run).items():
                if nodeid in common and nodeid not in run.not_passed:
                    common[nodeid] &= state
        return common


def suspected_state(in_force: InForce, runs: Sequence[SeenRun], nodeid: str, *, effect_is_red: bool) -> int:
    """What was in force before a test in every run with the effect, and in none without it."""
    always, harmless, is_seen = in_force.values | in_force.pieces, 0, False
    for run in runs:
        if nodeid not in run.position:
            continue
        is_red = nodeid in run.red
        if not is_red and nodeid in run.not_passed:
            continue  # skipped: says nothing
        state = in_force.before(run)[nodeid]
        if is_red is effect_is_red:
            always &= state
            is_seen = True
        else:
            harmless |= state
    left = always & ~harmless if is_seen else 0
    # that the test may read it is likely, and no more: a test that is red may have gone another way
    left = left & in_force.readable(nodeid) or left
    # a value says more than that the piece was changed at all
    return left & in_force.values or left
