"""Show the report of a probe as a markdown page and as lines for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from triage.model.experiment import ExperimentResult, Factor, ProbeReport, Tally
from triage.text.capital import capitalised
from triage.text.plural import counted_noun

_HEADINGS = ("probe", "factor", "without", "with", "p", "verdict")
_VALUE_CHARS = 80
"""Of a value in a table's cell; the whole is in the experiment's evidence."""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#])")


def page(report: ProbeReport) -> str:
    """The markdown page of a probe."""
    return "\n".join(_page(report)) + "\n"


def lines(report: ProbeReport) -> list[str]:
    """Write the same for a terminal: the experiments as a table with a sentence beneath each."""
    shown = [f"{report.cluster or ''} {report.subject[0]}".strip()]
    if len(report.subject) > 1:
        shown.append(f"and {counted_noun(len(report.subject) - 1, 'more test')} of the cluster")
    shown.append(report.claim)
    if report.experiments:
        shown.append("")
        shown += _table(report.experiments)
    cause = report.root_cause
    shown += ["", f"cause: {cause.kind} ({cause.verdict})", cause.summary]
    shown += [f"culprit: {culprit}" for culprit in cause.culprits]
    shown += [f"no longer runs: {lines}" for lines in cause.lines_no_longer_run]
    shown += [f"excluded: {text}" for text in report.excluded]
    shown += [f"repair: {patch.title} ({patch.path})" for patch in report.patches]
    shown += [f"note: {note}" for note in report.notes]
    if report.next:
        shown.append(f"next: {report.next}")
    return shown


def _table(experiments: Sequence[ExperimentResult]) -> Iterator[str]:
    rows = [(*_row(result), result.status.value) for result in experiments]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    yield _padded(_HEADINGS, widths)
    for row, result in zip(rows, experiments, strict=True):
        yield _padded(row, widths)
        yield f"    {result.sentence}"


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(cells).rstrip()


def spelled(factor: Factor | None) -> str:
    """A factor with its change, on one line."""
    if factor is None:
        return "-"
    return f"{factor.kind}:{factor.name} {_value(factor.from_)} -> {_value(factor.to)}"


def _page(report: ProbeReport) -> Iterator[str]:
    title = report.cluster or report.subject[0]
    yield f"# Phase B: {escaped(title)}"
    yield ""
    yield f"**STAMP:** {report.stamp} · **Runs:** {report.runs} · **Seconds:** {report.seconds:.1f}"
    yield ""
    yield from (f"- {escaped(nodeid)}" for nodeid in report.subject)
    yield ""
    yield escaped(report.claim)
    yield ""
    yield "## Cause"
    yield ""
    cause = report.root_cause
    yield f"**{cause.kind}** ({cause.verdict}). {escaped(capitalised(cause.summary))}"
    yield ""
    if cause.factor is not None:
        yield f"- Factor: {escaped(spelled(cause.factor))}"
    yield from (f"- Culprit: {escaped(culprit)}" for culprit in cause.culprits)
    yield from (f"- No longer runs: {escaped(lines)}" for lines in cause.lines_no_longer_run)
    yield from (f"- Excluded: {escaped(text)}" for text in report.excluded)
    yield from (f"- Note: {escaped(note)}" for note in report.notes)
    yield ""
    yield from _experiments(report)
    yield from _patches(report)
    if report.next:
        yield f"Next: `{report.next}`"


def _experiments(report: ProbeReport) -> Iterator[str]:
    if not report.experiments:
        return
    yield "## Experiments"
    yield ""
    yield "| # | Probe | Factor | Failed without | Failed with | p | Verdict |"
    yield "| ---: | --- | --- | ---: | ---: | ---: | --- |"
    for number, result in enumerate(report.experiments, 1):
        cells = " | ".join(escaped(cell) for cell in _row(result))
        yield f"| {number} | {cells} | {result.status.value} |"
    yield ""
    for number, result in enumerate(report.experiments, 1):
        yield from _experiment(number, result)


def _experiment(number: int, result: ExperimentResult) -> Iterator[str]:
    yield f"### {number}. {escaped(result.probe)}: {escaped(spelled(result.factor))}"
    yield ""
    yield f"Predicted: {escaped(result.prediction)}"
    yield ""
    yield f"Found: {escaped(result.sentence)}"
    yield ""
    yield from _measured(result)
    if result.baseline_command and result.baseline_command != result.command:
        yield "Without the change:"
        yield ""
        yield from fenced(result.baseline_command, "sh")
        yield "With it:"
        yield ""
    if result.command:
        yield from fenced(result.command, "sh")


def _measured(result: ExperimentResult) -> Iterator[str]:
    """Loss, gradients and graph as each arm measured them, where it did."""
    arms = {
        arm: measured
        for arm, measured in result.measurements.items()
        if isinstance(measured, dict) and "loss" in measured
    }
    if not arms:
        return
    measurements = list(arms.values())
    names = dict.fromkeys(name for measured in measurements for name in measured.get("gradients", {}))
    losses = [_value(measured.get("loss")) for measured in measurements]
    graphs = [str(measured.get("graph")) for measured in measurements]
    yield _cells("Measured", arms)
    yield "| --- |" + " ---: |" * len(arms)
    yield _cells("loss", losses)
    for name in names:
        gradients = [measured.get("gradients", {}).get(name) for measured in measurements]
        yield _cells(f"gradient of {escaped(name)}", [escaped(_value(gradient)) for gradient in gradients])
    yield _cells("graph", graphs)
    yield ""


def _cells(heading: str, cells: Iterable[str]) -> str:
    return f"| {heading} | {' | '.join(cells)} |"


def _patches(report: ProbeReport) -> Iterator[str]:
    for patch in report.patches:
        yield f"## Repair: {escaped(patch.title)}"
        yield ""
        if patch.reason:
            yield escaped(patch.reason)
            yield ""
        yield from fenced(patch.diff, "diff")


def fenced(text: str, language: str = "") -> Iterator[str]:
    """A code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield text.rstrip("\n")
    yield fence
    yield ""


def escaped(text: str) -> str:
    """Text that cannot act as markup, on one line."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def _row(result: ExperimentResult) -> tuple[str, str, str, str, str]:
    p = "" if result.p_value is None else f"{result.p_value:.2g}"
    return result.probe, spelled(result.factor), _tally(result.baseline), _tally(result.treated), p


def _tally(tally: Tally) -> str:
    return f"{tally.failed}/{tally.runs}" if tally.runs else "-"


def _value(value: object) -> str:
    text = "unset" if value is None else str(value)
    return text if len(text) <= _VALUE_CHARS else text[: _VALUE_CHARS - 3] + "..."
