"""Say what a run came to: counts, base, a block a cluster, flaky tests, evidence, the exit code with why.

The reader's questions, in this order: is it red because of this change, how many causes, what is the first
one, what do I type.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from triage.campaign.codeowners import FileOwners, owner_of_cluster
from triage.campaign.explanation import KnownCause, known_causes
from triage.campaign.next_steps import command_in
from triage.campaign.rerun_command import RerunConditions, conditions_of_rerun, rerun_command
from triage.campaign.stored_signatures import failures_by_cluster, read_signatures
from triage.cli.attribute import say_causes, say_hidden, say_unexplained
from triage.cli.cluster_block import ClusterBlock, say_block, say_short_block
from triage.cli.screen import Span, wrapped
from triage.cli.terminal import counted
from triage.documents.shown_cluster import passes_alone, places_of, telling_failure
from triage.errors import ExitCode
from triage.model.base_commit import BaseVerdict
from triage.model.cluster import Cluster, RunState
from triage.text.plural import counted_noun

if TYPE_CHECKING:
    from triage.campaign.baseline import Concluded
    from triage.cli.context import App
    from triage.cluster.registry import ClusterRegistry
    from triage.evidence.folder import EvidenceFolder
    from triage.model.base_commit import BaseRun
    from triage.model.failure import Failure
    from triage.model.joint_search import JointCause, JointReport
    from triage.model.run import RunRecord, TestResult

_MOST_CLUSTERS = 20
"""Blocks that are shown: more than anybody works on at once; the rest is counted."""
_MOST_COUNT_LINES = 4
_MOST_FLAKY = 10
_MOST_NOTES = 5
_MOST_ON_BASE = 30
"""Failing tests that `-v` shows with what the base says of them."""
_MOST_IDS = 8
"""Cluster ids in one line."""
_SHORT_COMMIT = 7

_BASE_ORDER = (BaseVerdict.BROKEN, BaseVerdict.ABSENT, BaseVerdict.RED, BaseVerdict.UNDECIDED)
"""In which the counts stand: what nobody could decide comes last."""


@dataclass(frozen=True)
class RunEnding:
    """A concluded run with all that its end tells."""

    app: App
    concluded: Concluded
    folder: EvidenceFolder
    causes: JointReport | None = None
    """What `--attribute` found."""
    origin: str = ""
    """Where the results came from, where they did not run here: `3 shards`."""

    @property
    def record(self) -> RunRecord:
        """The run's results."""
        return self.concluded.record

    @cached_property
    def registry(self) -> ClusterRegistry:
        """What the journal says by now."""
        return self.app.registry()

    @cached_property
    def results(self) -> Mapping[str, TestResult]:
        """Results by node id, collection errors too."""
        return {result.nodeid: result for result in (*self.record.collect_errors, *self.record.results)}

    @cached_property
    def failures(self) -> Mapping[str, Sequence[Failure]]:
        """Failures by cluster."""
        return failures_by_cluster(self.record, read_signatures(self.folder))

    @cached_property
    def owners(self) -> FileOwners | None:
        """The rules of CODEOWNERS."""
        return FileOwners.read(self.app.root)

    @cached_property
    def shown(self) -> list[Cluster]:
        """Clusters that get a block: what fails the run first, then what is red all the same."""
        held = set(self.concluded.held)
        red = [
            cluster
            for cluster in self.concluded.clusters
            if cluster.is_seen and (cluster.id in held or cluster.state_in_run is not RunState.FLAKY)
        ]
        return sorted(red, key=lambda cluster: (cluster.id not in held, cluster.number))


def say_run(ending: RunEnding) -> None:
    """Print the end of a run; with `-q` its first and its last lines, with `-v` every detail."""
    app, record = ending.app, ending.record
    if record.void:
        app.line(Span(f"VOID: {record.void}", "bold red"))
    elif not record.complete:
        missing = counted_noun(record.counts.not_run, "planned test")
        app.line(Span(f"INCOMPLETE: {missing} not run", "bold red"))
    _say_counts(ending)
    if not app.is_quiet:
        _say_notes(ending)
        _say_clusters(ending)
        _say_flaky(ending)
        _say_fixed(ending)
        _say_latent(ending)
    if app.is_verbose:
        _say_details(ending)
    elif ending.causes is not None and not app.is_quiet:
        _say_what_is_left(app, ending.causes)
    _say_end(ending)


def _say_counts(ending: RunEnding) -> None:
    """How many tests had each outcome, and how many of the red ones the change broke."""
    app, record = ending.app, ending.record
    counts = record.counts
    origin = f" from {ending.origin}" if ending.origin else ""
    time = f" in {record.seconds:.1f} s" if record.seconds else ""
    tests = f"{counted_noun(counts.collected, 'test')}{origin}{time}: {counted(counts)}"
    base = _base_in_words(record)
    first = [Span(tests, "bold")]
    gap = "    "
    if base and len(tests) + len(gap) + len(base) <= app.screen.width:
        first += [Span(gap), Span(base)]
        app.line(*first)
        return
    for text, style in ((tests, "bold"), (base, "")):
        for line in wrapped(text, app.screen.width, _MOST_COUNT_LINES):
            app.line(Span(line, style))


def _base_in_words(record: RunRecord) -> str:
    if record.base is None:
        return ""
    tally = Counter(
        result.base.verdict for result in (*record.collect_errors, *record.results) if result.base
    )
    said = [f"{tally[verdict]} {verdict.in_words}" for verdict in _BASE_ORDER if tally[verdict]]
    return f"{_base_name(record.base)}: {', '.join(said) or 'nothing that fails was asked about'}"


def _base_name(base: BaseRun) -> str:
    if base.commit is None:
        return f"no base ({base.chosen})"
    return f"base {base.ref}@{base.commit[:_SHORT_COMMIT]}"


def _say_notes(ending: RunEnding) -> None:
    """What triage switched off or could not do: it limits what the run can say."""
    app = ending.app
    said = [f"note: {note}" for note in ending.record.notes]
    said += [f"hint: {hint}" for hint in ending.record.hints]
    shown = said if app.is_verbose else said[:_MOST_NOTES]
    for line in shown:
        app.line(Span(line, "yellow"))
    if len(said) > len(shown):
        app.say(f"and {counted_noun(len(said) - len(shown), 'more note')}: summary.md has them")


def _say_clusters(ending: RunEnding) -> None:
    app = ending.app
    shown = ending.shown[:_MOST_CLUSTERS]
    if not shown:
        return
    known = known_causes(app.output, ending.registry)
    joint = {cause.cluster: cause for cause in ending.causes.causes} if ending.causes is not None else {}
    conditions = conditions_of_rerun(ending.folder.path)
    held = set(ending.concluded.held)
    for cluster in shown:
        block = _block(ending, cluster, known.get(cluster.id), joint.get(cluster.id), conditions)
        app.line()
        if cluster.id in held or app.is_verbose:
            say_block(app, block)
        else:
            say_short_block(app, block)
    rest = ending.shown[_MOST_CLUSTERS:]
    if rest:
        tests = sum(len(cluster.members) for cluster in rest)
        app.line()
        app.line(
            Span(
                f"and {counted_noun(len(rest), 'more cluster')} ({counted_noun(tests, 'test')}):"
                " triage clusters shows all"
            )
        )


def _block(
    ending: RunEnding,
    cluster: Cluster,
    known: KnownCause | None,
    joint: JointCause | None,
    conditions: RerunConditions,
) -> ClusterBlock:
    red = [ending.results[nodeid] for nodeid in cluster.members if nodeid in ending.results]
    failure = telling_failure(ending.failures.get(cluster.id, ()))
    # the test whose lines are shown comes first
    nodeids = [failure.nodeid, *cluster.members] if failure is not None else cluster.members
    return ClusterBlock(
        cluster=cluster,
        failure=failure,
        cause=known,
        joint=joint,
        rerun=None if passes_alone(red) else rerun_command(nodeids, conditions),
        next=_next(ending, cluster, known),
        owner=owner_of_cluster(ending.owners, cluster, places_of(failure)),
    )


def _next(ending: RunEnding, cluster: Cluster, cause: KnownCause | None) -> str | None:
    """The command that takes the cluster on; a cluster that the journal lacks is named by a test."""
    if ending.record.resumable:
        return None
    decided = ending.registry.clusters.get(cluster.id)
    if decided is not None:  # the search for causes has decided since the run was clustered
        cluster = cluster.model_copy(update={"status": decided.status})
    return command_in(ending.registry, cluster, cause)


def _say_flaky(ending: RunEnding) -> None:
    """Flaky tests with their rates: here, and over the recorded runs."""
    app = ending.app
    clusters_of = {
        nodeid: cluster.id
        for cluster in ending.concluded.clusters
        if cluster.is_seen and cluster.state_in_run is RunState.FLAKY
        for nodeid in cluster.members
    }
    flaky = [
        result
        for result in ending.results.values()
        if result.outcome.is_flaky or (result.nodeid in clusters_of and result.outcome.has_failures)
    ]
    if not flaky:
        return
    rates = _recorded_rates(ending.folder)
    app.line()
    for result in flaky[:_MOST_FLAKY]:
        cluster = clusters_of.get(result.nodeid, "")
        said = [f"{result.failed_executions} of {counted_noun(result.executions, 'run')} failed here"]
        if result.nodeid in rates:
            said.append(rates[result.nodeid])
        app.line(
            Span("flaky  ", "yellow"),
            Span(f"{cluster:<4}  "),
            Span(f"{result.nodeid}  {', '.join(said)}"),
        )
    if len(flaky) > _MOST_FLAKY:
        app.say(f"and {counted_noun(len(flaky) - _MOST_FLAKY, 'more flaky test')}: triage flaky")


def _recorded_rates(folder: EvidenceFolder) -> dict[str, str]:
    """Node id to `8 % of 214 runs`, for tests with more runs on record than this one."""
    try:
        rows = json.loads((folder.path / "flaky.json").read_bytes())["tests"]
    except (OSError, ValueError, KeyError):
        return {}
    return {row["nodeid"]: _rate(row) for row in rows}


def _rate(row: Mapping[str, Any]) -> str:
    return f"{row['rate']:.0%} of {counted_noun(row['runs'], 'recorded run')}"


def _say_latent(ending: RunEnding) -> None:
    """Clusters of hunts: green here, and red under a stated factor; no gate counts them."""
    latent = [each for each in ending.concluded.clusters if each.state_in_run is RunState.LATENT]
    if latent:
        ids = ", ".join(cluster.id for cluster in latent[:_MOST_IDS])
        more = f" and {len(latent) - _MOST_IDS} more" if len(latent) > _MOST_IDS else ""
        ending.app.line()
        ending.app.line(Span(f"latent: {ids}{more}", "yellow"), Span(" (shown red by a hunt; not counted)"))


def _say_fixed(ending: RunEnding) -> None:
    fixed = [
        cluster.id
        for cluster in ending.concluded.clusters
        if cluster.state_in_run is RunState.FIXED and cluster.status.is_open
    ]
    if fixed:
        ending.app.line()
        ending.app.line(
            Span("fixed  ", "green"),
            Span(f"{_listed(fixed)}: every test passed; triage verify {fixed[0]} closes it"),
        )


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:_MOST_IDS])
    more = len(ids) - _MOST_IDS
    return f"{shown} and {more} more" if more > 0 else shown


def _say_what_is_left(app: App, causes: JointReport) -> None:
    if causes.unexplained or causes.hidden_causes:
        app.line()
        say_hidden(app, causes)
        say_unexplained(app, causes)


def _say_details(ending: RunEnding) -> None:
    """With `-v`: what the gate says line by line, what the base says test by test, the whole search."""
    app, concluded = ending.app, ending.concluded
    app.line()
    for line in concluded.warnings:
        app.line(Span("warning: ", "yellow"), Span(line))
    for line in concluded.held_against:
        app.line(Span("gate: ", "red"), Span(line))
    base = ending.record.base
    if base is not None:
        commit = f"{base.commit[:12]} {base.subject}".rstrip() if base.commit else "none"
        app.say(f"base: {commit} ({base.chosen})")
        for note in base.notes:
            app.say(f"  {note}")
        _say_judged(app, [result for result in ending.results.values() if result.base is not None])
    if ending.causes is not None:
        say_causes(app, ending.causes)


def _say_judged(app: App, judged: Iterable[TestResult]) -> None:
    listed = list(judged)
    for result in islice(listed, _MOST_ON_BASE):
        assert result.base is not None
        again = f" (run in {result.base.cached_from})" if result.base.cached_from else ""
        app.say(f"  {result.base.verdict:<16} {result.nodeid}: {result.base.reason}{again}")
    if len(listed) > _MOST_ON_BASE:
        app.say(f"  and {len(listed) - _MOST_ON_BASE} more: triage results --json")


def _say_end(ending: RunEnding) -> None:
    """Where the evidence lies, and what the exit code says."""
    app, code = ending.app, ending.concluded.exit_code
    path = ending.folder.path / "summary.md"
    if not app.is_quiet:
        app.line()
    app.line(Span("evidence "), app.file_span(path, app.shown(path)))
    if ending.record.resumable:
        app.line(Span(f"next: triage run --resume {ending.record.stamp}"))
    style = "bold green" if code is ExitCode.OK else "bold red"
    app.line(Span(f"exit {int(code)}: {_reason(ending)}", style))


def _reason(ending: RunEnding) -> str:
    """Why the exit code is what it is."""
    concluded = ending.concluded
    if ending.record.unanswered and not concluded.held:
        tests = counted_noun(len(ending.record.unanswered), "test")
        return (
            f"no answer for {tests} that failed only behind tests that did not run now; run the whole suite"
        )
    if concluded.exit_code is ExitCode.VOID:
        return "the run cannot answer; nothing about the suite follows from it"
    if concluded.held:
        clusters = counted_noun(len(concluded.held), "cluster")
        verb = "fails" if len(concluded.held) == 1 else "fail"
        return f"{clusters} {verb} the gate: {_listed(concluded.held)}"
    seen = [cluster for cluster in concluded.clusters if cluster.is_seen]
    if not seen:
        return "no test failed" + _among(ending.record)
    kinds = Counter(_excuse(cluster) for cluster in seen)
    said = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    return f"nothing new: {counted_noun(len(seen), 'cluster')} ({said})"


def _among(record: RunRecord) -> str:
    """Of which tests that is said, where it is not the suite's."""
    failed = record.plan.failed if record.plan is not None else None
    return f" of those that were red in {failed.stamp}; no other test ran" if failed is not None else ""


def _excuse(cluster: Cluster) -> str:
    """Why a cluster does not fail the gate."""
    if cluster.quarantine is not None:
        return "in quarantine"
    if cluster.state_in_run is RunState.FLAKY:
        return "flaky"
    return cluster.base.in_words if cluster.base is not None else "known"
