"""Read pytest's short summary: the node ids of what failed, and the first line of each reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from triage.formats.pytest_log_blocks import Block
from triage.formats.worker_crash import crashed_test
from triage.model.nodeid import file_of
from triage.model.outcome import Phase
from triage.text.pattern import pattern

LINE_OF_SUMMARY = pattern(
    r"""
    ^ (?: (?P<word> FAILED | ERROR | XFAIL | XPASS | PASSED | RERUN )
        | SUBFAILED (?P<subtest> (?: \[ .*? \] )? (?: [ ]? \( .*? \) )? ) ) [ ]
    (?P<rest> \S .* ) $
    """,
    matches=["FAILED tests/test_a.py::test_b - assert 0", "SUBFAILED[m] (i=1) a.py::test_b - assert 1 != 1"],
    rejects=["SKIPPED [1] a.py:3: never", "FAILED"],
    how="match",
)


@dataclass
class Summary:
    """What the short summary names."""

    rows: list[tuple[str, str]] = field(default_factory=list)
    """Word and node id of each line; a failed subtest's word is FAILED."""
    reasons: dict[str, str] = field(default_factory=dict)
    """What stands behind the name of a test."""

    def take(self, line: str) -> None:
        """A line of the summary; others are passed over."""
        found = LINE_OF_SUMMARY.match(line)
        if found is None:
            return
        nodeid, reason = _parted(found["rest"])
        self.rows.append((found["word"] or "FAILED", nodeid))
        self.reasons.setdefault(nodeid, reason)

    def nodeids(self, word: str) -> list[str]:
        """The node ids of one word, once for each line."""
        return [nodeid for own, nodeid in self.rows if own == word]


def names_in_headings(nodeids: Iterable[str]) -> list[frozenset[str]]:
    """What may stand in the headings of these failures: of a worker's crash it is the file of the test."""
    return [frozenset({heading_of(nodeid), file_of(nodeid)}) for nodeid in nodeids]


def _parted(rest: str) -> tuple[str, str]:
    nodeid = rest.partition(" - ")[0]
    if "[" in nodeid:
        # a parameter may have ` - ` in it: the name ends behind the last bracket
        end = rest.rfind("] - ") + 1
        nodeid = rest[:end] if end else nodeid
    return nodeid.strip(), rest[len(nodeid) :].removeprefix(" - ").strip()


def heading_of(nodeid: str) -> str:
    """The heading that pytest gives a failure: `TestB.test_c[d]` of `tests/test_a.py::TestB::test_c[d]`."""
    head, bracket, parameters = nodeid.partition("[")
    return ".".join(head.split("::")[1:]) + bracket + parameters


class NamesOfBlocks:
    """Finds node ids for the headings of failures, in the summary and the verbose progress."""

    def __init__(self, summary: Summary, verbose: Iterable[str]) -> None:
        self._by_heading: dict[str, list[str]] = {}
        named = [nodeid for _, nodeid in summary.rows]
        for nodeid in dict.fromkeys([*named, *verbose]):
            self._by_heading.setdefault(heading_of(nodeid), []).append(nodeid)

    def of(self, block: Block) -> str:
        """By heading, in order; two tests of one name in two files are told apart by the file shown."""
        if block.phase is Phase.COLLECT:
            return block.heading
        if crashed := crashed_test(block.text):
            return crashed
        nodeids = self._by_heading.get(block.heading)
        if nodeids:
            in_shown_file = (nodeid for nodeid in nodeids if file_of(nodeid) in block.text)
            return next(in_shown_file, nodeids[0])
        file = block.first_test_file()
        if not file:
            return block.heading
        head, bracket, parameters = block.heading.partition("[")
        return "::".join([file, *head.split(".")]) + bracket + parameters
