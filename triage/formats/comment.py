"""Write the comment for a pull or merge request: what the change broke, why, and what to type.

A hidden marker in its first line lets a bot find its earlier comment and replace it. It renders on GitHub and
GitLab, and is cut at whole rows where they would refuse it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from triage.formats.reported_run import ReportedCause, ReportedRun
from triage.formats.rows import Row, rows
from triage.model.base_commit import BaseVerdict
from triage.text.markup import cell, code, prose
from triage.text.plural import counted_noun

MOST_CHARS = 65_536
"""GitHub refuses a longer comment."""
_RESERVED = 1_000
"""Characters for what follows the tables: a command, a count, the end of a fold."""
_ROWS = 20
"""Clusters in each table: whoever wants more opens the report."""
_TESTS_IN_COMMAND = 5
_TITLE_CHARS = 160
_HEAD = "| | cluster | cause | tests | where | what |\n| --- | --- | --- | --- | --- | --- |"


def marker(campaign: str) -> str:
    """The hidden line by which a bot finds the comment of a campaign."""
    name = "".join(char if char.isalnum() or char in "-_." else "-" for char in campaign).replace("--", "-")
    return f"<!-- triage-comment: {name} -->"


def render_comment(run: ReportedRun) -> str:
    """The comment as markdown."""
    groups = _Groups(run)
    parts = [marker(run.record.campaign), f"### triage: {_headline(run, groups)}", _about(run)]
    bad = [_table_row(run, groups, name) for name in groups.bad]
    if bad:
        parts.append(_table(bad, groups.bad))
    rest = [_table_row(run, groups, name) for name in groups.excused]
    if rest:
        summary = f"<details><summary>{_excused_words(groups)}</summary>"
        parts += [summary, _table(rest, groups.excused), "</details>"]
    parts += _commands(groups)
    return _within_limit([part for part in parts if part])


class _Groups:
    """The rows of a run by cluster, those that fail the gate apart from the others."""

    def __init__(self, run: ReportedRun) -> None:
        self.rows: dict[str, list[Row]] = {}
        for row in rows(run.summary, run.prefix, run.causes):
            self.rows.setdefault(row.cluster or "", []).append(row)
        self.bad: list[str] = []
        self.excused: list[str] = []
        for name, own in self.rows.items():
            is_bad = any(row.level != "known" for row in own)
            (self.bad if is_bad else self.excused).append(name)

    def tests(self, names: Sequence[str]) -> list[str]:
        """The tests of these clusters, each once."""
        return list(dict.fromkeys(row.nodeid for name in names for row in self.rows[name]))

    def first(self, name: str) -> Row:
        """The row that stands for a cluster."""
        return self.rows[name][0]


def _headline(run: ReportedRun, groups: _Groups) -> str:
    summary = run.summary
    if summary["verdict"] == "void":
        return f"**VOID**: {prose(summary['void'] or 'the run is incomplete')}"
    red, bad = len(groups.tests(list(groups.rows))), len(groups.tests(groups.bad))
    if not red:
        return f"green, {counted_noun(summary['counts']['passed'], 'test')} passed"
    if summary["base"] and summary["base"]["commit"]:
        verdicts = summary["base"]["verdicts"]
        broken = sum(verdicts[verdict] for verdict in verdicts if BaseVerdict(verdict).blames_change)
        return f"{broken} of {counted_noun(red, 'failure')} {_was(broken)} broken by this change"
    if not bad:
        return f"nothing new, {counted_noun(red, 'known failure')}"
    return f"{bad} of {counted_noun(red, 'failure')} {_was(bad)} not known before"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _about(run: ReportedRun) -> str:
    """Commit, base and counts in one line."""
    summary = run.summary
    parts = [f"run {summary['stamp']}"]
    if summary["commit"]:
        parts.append(f"commit {code(summary['commit'][:12])}")
    if summary["base"] and summary["base"]["commit"]:
        parts.append(f"against {code(summary['base']['commit'][:12])}")
    counts = []
    for name, number in summary["counts"].items():
        is_outcome = name not in ("collected", "collect_errors")
        if is_outcome and number:
            counts.append(f"{number} {name.replace('_', ' ')}")
    tests = counted_noun(summary["counts"]["collected"], "test")
    parts.append(f"{tests}: {', '.join(counts) or 'none'}")
    return " · ".join(parts)


def _table(lines: Sequence[str], names: Sequence[str]) -> str:
    shown = [_HEAD, *lines[:_ROWS]]
    if len(names) > _ROWS:
        shown.append(f"\nand {counted_noun(len(names) - _ROWS, 'cluster')} more: `triage clusters`")
    return "\n".join(shown)


def _table_row(run: ReportedRun, groups: _Groups, name: str) -> str:
    first = groups.first(name)
    title = (first.title or first.message).partition("\n")[0][:_TITLE_CHARS]
    columns = (
        _sign(first),
        f"**{name}**" if name else "",
        _cause(run.causes.get(name)),
        str(len(groups.rows[name])),
        _where(run, first),
        cell(title),
    )
    return f"| {' | '.join(columns)} |"


def _sign(row: Row) -> str:
    match row.state:
        case "flaky":
            return "≈ flaky"
        case "quarantined":
            return "quarantined"
        case "known":
            return "● red on the base too" if row.base == BaseVerdict.RED else "● known"
        case state:
            return "▲ broken" if row.base == BaseVerdict.BROKEN else f"▲ {state}"


def _cause(cause: ReportedCause | None) -> str:
    if cause is None:
        return "not known yet"
    what = f"commit {code(cause.commit[:12])}" if cause.commit else prose(cause.kind.replace("-", " "))
    return f"{what}, {cause.verdict}".replace("|", "\\|")


def _where(run: ReportedRun, row: Row) -> str:
    """`file:line`, as a link where the source is on the web."""
    words = cell(f"{row.path.rpartition('/')[2]}:{row.line}")
    if run.source.line_url is None:
        return words
    path = row.path.removeprefix(f"{run.prefix}/") if run.prefix else row.path
    address = run.source.line_url.replace("{path}", quote(path)).replace("{line}", str(row.line))
    return f"[{words}]({address})"


def _excused_words(groups: _Groups) -> str:
    """What the fold holds, so that nobody has to open it to know."""
    tally: dict[str, int] = {}
    for name in groups.excused:
        words = _sign(groups.first(name)).partition(" ")[2] or _sign(groups.first(name))
        tally[words] = tally.get(words, 0) + len(groups.rows[name])
    return ", ".join(f"{words} ({number})" for words, number in tally.items())


def _commands(groups: _Groups) -> Iterator[str]:
    """What to type: the first broken cluster's tests, and the next step."""
    if not groups.bad:
        return
    name = groups.bad[0]
    tests = groups.tests([name])[:_TESTS_IN_COMMAND]
    words = " ".join(shlex.quote(nodeid) for nodeid in tests)
    yield f"Run it: {code(f'pytest {words}')}"
    if name:
        yield f"Next: {code(f'triage show {name}')}"


def _within_limit(parts: Sequence[str]) -> str:
    """The parts as paragraphs; whole rows go where it would be too long, and it says so."""
    text = "\n\n".join(parts) + "\n"
    if len(text) <= MOST_CHARS:
        return text
    kept: list[str] = []
    length = 0
    for line in text.split("\n"):
        length += len(line) + 1
        if length > MOST_CHARS - _RESERVED:
            break
        kept.append(line)
    fold = "\n\n</details>" if "<details>" in "\n".join(kept) else ""
    return "\n".join(kept) + f"{fold}\n\nCut here: the whole is in the report.\n"
