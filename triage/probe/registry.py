"""The built-in probes and the order in which they run: one table.

Read `ORDER` from the top: the next probe is that of the first row whose condition holds, among the probes
that have not run yet. `survey` runs early, and what it sees can move the probes after it up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triage.probe import numeric_symptoms
from triage.probe.api import Case, Investigator, Probe, Steps
from triage.probe.probes import (
    alone,
    backwards,
    blame,
    clock,
    commit,
    crash,
    dependency,
    environment,
    files,
    gradient,
    hang,
    hashing,
    interaction,
    locale,
    network,
    numeric,
    order,
    parameter,
    repeat,
    resource,
    seed,
    setter,
    sharing,
    signal,
    survey,
    twice,
    user_factor,
    workers,
)


@dataclass(frozen=True)
class Row:
    """Where a probe stands in the order of a case for which the condition holds."""

    likelihood: float
    """0 to 1, as probes of plugins answer; rows of equal likelihood run in the order of the table."""
    probe: Callable[[], Investigator]
    applies: Callable[[Case], bool]
    reason: str


def always(case: Case) -> bool:
    """True: the row applies to every case."""
    return True


def steady(case: Case) -> bool:
    """Whether the failure came in every run so far."""
    return not case.flaky


def _both(*conditions: Callable[[Case], bool]) -> Callable[[Case], bool]:
    """A condition that holds where all of these do."""

    def both(case: Case) -> bool:
        return all(condition(case) for condition in conditions)

    return both


ORDER: tuple[Row, ...] = (
    Row(1.0, order.Order, order.said_to_need_others, "the reruns of its run have told already"),
    Row(1.0, repeat.Repeat, always, "every other probe plans its repeats by the failure rate"),
    Row(0.995, workers.Workers, workers.fails_in_workers_only, "it passes in one process: what of others?"),
    Row(0.994, twice.Twice, twice.fails_the_second_time, "it passes once: what does it leave behind?"),
    Row(0.99, survey.Survey, survey.is_not_about_gradients, "one run tells which of the others are worth it"),
    Row(0.985, user_factor.UserFactor, user_factor.names_more_than_defaults, "the user wants it tried first"),
    Row(0.97, order.Order, order.fails_in_company_only, "it needs other tests: which, and what do they leak"),
    Row(
        0.95, alone.Alone, order.fails_in_company_only, "the same question where the polluters are not found"
    ),
    Row(0.95, hang.Hang, hang.ended_by_the_limit, "the outcome names the kind of cause"),
    Row(0.95, crash.Crash, crash.took_its_process_along, "the outcome names the kind of cause"),
    Row(0.92, network.Network, network.names_a_failed_connection, "the message names the kind of cause"),
    Row(0.9, setter.Setter, setter.passed_in_the_suite, "it passed after others and fails alone"),
    Row(0.9, files.Files, files.names_a_missing_file, "the message names the kind of cause"),
    Row(
        0.9, signal.Signal, signal.names_a_gradient, "a dead signal is the commonest cause of zero gradients"
    ),
    Row(0.9, numeric.Numeric, numeric_symptoms.names_the_compiler, "the message names the kind of cause"),
    Row(0.9, seed.Seed, seed.flaky_and_draws_numbers, "numbers without a seed are the commonest chance"),
    Row(0.9, locale.Locale, locale.names_an_encoding_error, "the message names the kind of cause"),
    Row(0.9, resource.Resource, resource.names_a_shortage, "the message names the kind of cause"),
    Row(0.9, dependency.Dependency, dependency.misses_a_module, "the message names the kind of cause"),
    Row(
        0.88,
        backwards.Backwards,
        backwards.writes_backward_functions,
        "one measurement checks each of them, whatever the message says",
    ),
    Row(0.873, gradient.Gradient, signal.names_a_gradient, "dearer than signal, so after it"),
    Row(0.85, environment.Environment, environment.names_a_variable, "the message names the variable"),
    Row(0.85, clock.Clock, clock.names_a_time, "it asks for the time, and the message speaks of it"),
    Row(0.8, survey.Survey, always, "gradients are measured without it; nothing else is"),
    Row(
        0.776,
        gradient.Gradient,
        _both(signal.touches_torch, gradient.names_what_is_not_finite),
        "a nan, an infinity or a missing graph is no dead signal: before signal",
    ),
    Row(0.75, numeric.Numeric, numeric_symptoms.names_a_numeric_comparison, "numbers that are nearly right"),
    Row(0.7, signal.Signal, signal.shows_a_gradient, "the shown source differentiates"),
    Row(0.679, gradient.Gradient, signal.shows_a_gradient, "dearer than signal, so after it"),
    Row(0.65, clock.Clock, clock.flaky_and_measures_time, "how fast the machine is may decide"),
    Row(0.6, user_factor.UserFactor, user_factor.names_a_factor, "a default: signal tries it, and measures"),
    Row(0.6, files.Files, files.reads_an_odd_file, "CRLF, a byte order mark or an encoding can be undone"),
    Row(0.6, numeric.Numeric, numeric_symptoms.uses_threads, "threads one after another: cheap to try"),
    Row(0.6, clock.Clock, clock.asks_for_the_time, "it may hold on some days only"),
    Row(0.6, commit.CommitProbe, commit.knows_a_good_commit, "a commit that passed makes the search short"),
    Row(0.55, environment.Environment, _both(steady, environment.reads_variables), "each can be unset"),
    Row(0.54, sharing.Sharing, sharing.may_share, "its candidates are known by their shape: a run for each"),
    Row(0.5, files.Files, files.opens_a_missing_file, "it may cope without, so after what is named"),
    Row(0.5, seed.Seed, seed.is_flaky, "hashing orders sets anew in each process"),
    Row(0.5, locale.Locale, locale.asks_for_the_locale, "it may assume another one"),
    Row(0.5, dependency.Dependency, dependency.may_need_another_version, "a renamed name or argument"),
    Row(0.45, seed.Seed, seed.steady_and_seeds_or_draws, "its own seed may be a bad one"),
    Row(0.4, signal.Signal, signal.names_a_number, "a zero or a nan may come from a dead signal"),
    Row(0.4, network.Network, network.opens_connections, "somebody may have to answer"),
    Row(0.4, resource.Resource, resource.asks_for_limits_or_modes, "a limit or the umask may be another one"),
    Row(0.388, gradient.Gradient, signal.names_a_number, "dearer than signal, so after it"),
    Row(0.35, parameter.Parameter, parameter.has_siblings, "one run of the family shows the axis"),
    Row(0.3, setter.Setter, setter.unknown_in_the_suite, "one run of the suite answers it"),
    Row(0.3, numeric.Numeric, numeric_symptoms.uses_arrays, "single precision may be too little"),
    Row(0.3, hang.Hang, hang.names_a_timeout, "the test has a time limit of its own"),
    Row(0.25, environment.Environment, steady, "C code and children read variables that nobody sees"),
    Row(0.2, signal.Signal, signal.touches_torch, "a symptom of gradients may be hidden"),
    Row(0.2, resource.Resource, resource.asks_for_the_machine, "cores, disk or ports may differ"),
    Row(0.2, commit.CommitProbe, commit.has_a_history, "it names a commit and no reason, so after reasons"),
    Row(0.194, gradient.Gradient, signal.touches_torch, "dearer than signal, so after it"),
    Row(0.16, dependency.Dependency, dependency.has_other_versions, "each version has to be installed"),
    Row(0.15, seed.Seed, seed.has_a_hash_seed, "the settings fix one order of sets"),
    Row(0.15, locale.Locale, locale.reads_text_with_a_locale_set, "the settings name a locale"),
    Row(0.12, clock.Clock, clock.measures_time_without_threads, "steady, so speed decides seldom"),
    Row(0.1, environment.Environment, environment.reads_variables, "flaky: a variable decides seldom"),
    Row(0.1, files.Files, files.asks_for_the_working_directory, "it may stand elsewhere than expected"),
    Row(0.1, signal.Signal, signal.suite_imports_torch, "the test itself does not name torch"),
    Row(0.1, clock.Clock, clock.measures_time, "after the probes that ask for threads themselves"),
    Row(0.1, locale.Locale, locale.has_a_locale_set, "the settings name a locale"),
    Row(0.097, gradient.Gradient, signal.suite_imports_torch, "dearer than signal, so after it"),
    Row(0.05, numeric.Numeric, numeric_symptoms.compares_floats, "plain floats are doubles already"),
    Row(0.05, commit.CommitProbe, commit.flaky_and_knows_a_good_commit, "many runs for each commit"),
    Row(0.03, locale.Locale, locale.reads_text, "nothing hints at an encoding"),
    Row(0.02, setter.Setter, setter.failed_in_the_suite, "it fails after the others too"),
    Row(0.02, files.Files, steady, "nothing hints at a file"),
    Row(0.015, commit.CommitProbe, commit.flaky_with_a_history, "many runs for each of many commits"),
    Row(0.012, interaction.Interaction, interaction.tried_single_changes, "only after every single change"),
    Row(0.011, blame.Blame, blame.has_no_cause_yet, "it makes no experiment, so it is the last word"),
    Row(
        0.0105,
        hashing.Hashing,
        hashing.differs_between_interpreters,
        "blame has seen another message in another interpreter",
    ),
)

_NEXT_ROW = 1e-6
"""Taken off for each row, so that equal likelihoods keep the order of the table."""


class RankedProbe:
    """A built-in probe with its place in the order."""

    def __init__(self, kind: Callable[[], Investigator]) -> None:
        self._kind = kind
        self._investigator = kind()
        self.name = self._investigator.name

    def likelihood(self, case: Case) -> float:
        """The likelihood of the first row of this probe that applies; 0 where none does."""
        for number, row in enumerate(ORDER):
            if row.probe is self._kind and row.applies(case):
                return row.likelihood - number * _NEXT_ROW
        return 0.0

    def investigate(self, case: Case) -> Steps:
        """Search and experiment; return what was found."""
        return self._investigator.investigate(case)


def built_in() -> tuple[Probe, ...]:
    """One of each probe that the table ranks."""
    return tuple(RankedProbe(kind) for kind in dict.fromkeys(row.probe for row in ORDER))


def chosen(probes: Sequence[Probe], names: Sequence[str]) -> tuple[Probe, ...]:
    """Those that the user named, in that order; raises KeyError with the first unknown name."""
    known = {probe.name: probe for probe in probes}
    return tuple(known[name] for name in names)
