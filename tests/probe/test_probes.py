"""Each probe in worlds that are functions: it names what was planted, and refutes what was not."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.instruments.process_state_table import in_words
from triage.lab.protocol import Observation, Setup
from triage.model.experiment import Factor
from triage.model.failure import Failure, Frame, Raised
from triage.model.outcome import Outcome
from triage.probe.api import Finding
from triage.probe.minimise import minimise
from triage.probe.probes.clock import Clock
from triage.probe.probes.commit import Commit, CommitProbe
from triage.probe.probes.environment import Environment
from triage.probe.probes.files import Files
from triage.probe.probes.interaction import Interaction
from triage.probe.probes.locale import Locale
from triage.probe.probes.network import Network
from triage.probe.probes.order import Order
from triage.probe.probes.parameter import Parameter, deciding_axis
from triage.probe.probes.repeat import Repeat
from triage.probe.probes.seed import Seed
from triage.probe.probes.setter import Setter
from triage.probe.probes.user_factor import UserFactor
from triage.probe.registry import RankedProbe, built_in
from triage.testing.probes import case_of, conforms, drive, failure, seen

T = "tests/test_z.py::test_it"
SUITE = (*(f"tests/test_{letter}.py::test_{n}" for letter in "abc" for n in range(5)), T)


def surveyed(*lines):
    return {"survey": Finding(excluded="-", facts={"usage": tuple(lines)})}


def use(what, name, where="app.py:3", **more):
    return {"event": "use", "what": what, "name": name, "where": where, **more}


# -- order ---------------------------------------------------------------------------------------


def polluted_by(*polluters, leak=None):
    """Fails after all of these; `leak` is the place that they leave changed."""

    def world(setup: Setup) -> Observation:
        place = setup.nodeids.index(T)
        dirty = set(polluters) <= set(setup.nodeids[:place])
        told = setup.instruments.get("state", {})
        if leak and leak in told.get("restore", ()):
            return seen(T, True)
        places = {"cwd": ["1", "here"], leak or "x": ["2" if dirty else "1", "dirty" if dirty else "clean"]}
        found = ({"event": "found", "nodeid": T, "places": places},)
        return seen(T, not dirty, measured={"state": found} if "watch" in told else {})

    return world


def in_suite(world):
    return case_of(T, world, Setup(nodeids=SUITE), context="suite", suite=SUITE)


@pytest.mark.parametrize("polluter", SUITE[:-1:4])
def test_the_one_polluter_is_found(polluter):
    world = polluted_by(polluter)
    cause = conforms(RankedProbe(Order), in_suite(world), world).finding.cause
    assert (cause.kind, cause.confidence, cause.culprits) == ("order-dependent", "proven", (polluter,))


@pytest.mark.parametrize("pair", list(combinations(SUITE[:-1:5], 2)))
def test_joint_polluters_are_found_together(pair):
    world = polluted_by(*pair)
    assert set(conforms(RankedProbe(Order), in_suite(world), world).finding.cause.culprits) == set(pair)


@pytest.mark.parametrize(("leak", "kind"), [("cwd", "working-directory"), ("env:LEAK", "order-dependent")])
def test_what_leaks_is_named_once_its_restore_heals(leak, kind):
    world = polluted_by(SUITE[3], leak=leak)
    driven = conforms(RankedProbe(Order), in_suite(world), world)
    assert driven.finding.cause.kind == kind
    assert in_words(leak) in driven.finding.cause.summary
    assert ("LEAK" in driven.finding.cause.culprits) == (leak == "env:LEAK")
    assert [result.status.value for result in driven.results] == ["confirmed", "confirmed"]


def test_a_recorded_order_is_never_sorted_back():
    """The polluter stands behind the victim in the suite, and ran before it."""
    red_order = (SUITE[7], SUITE[2], T, SUITE[0])
    asked = []

    def world(setup):
        asked.append(setup.nodeids)
        return seen(T, SUITE[7] not in setup.nodeids[: setup.nodeids.index(T)])

    suite = (T, *SUITE[:-1])
    case = case_of(T, world, base=Setup(nodeids=red_order), suite=suite, context="chunk")
    cause = conforms(RankedProbe(Order), case, world).finding.cause
    assert cause.culprits == (SUITE[7],)
    assert all(list(order) == [each for each in red_order if each in order] for order in asked)


def test_each_polluter_that_is_enough_is_named_and_mended():
    """A repair of one polluter of two leaves the recorded order red: it takes both."""
    polluters = (SUITE[1], SUITE[8])
    sources = {
        path: f"import os\n\ndef {name}():\n    os.chdir('/')\n"
        for path, _, name in (polluter.partition("::") for polluter in polluters)
    }

    def world(setup):
        before = setup.nodeids[: setup.nodeids.index(T)]
        dirty = [p for p in polluters if p in before and p.partition("::")[0] not in setup.edits]
        told = setup.instruments.get("state", {})
        if "cwd" in told.get("restore", ()):
            return seen(T, True)
        places = {"cwd": ["2" if dirty else "1", "/" if dirty else "here"]}
        found = ({"event": "found", "nodeid": T, "places": places},)
        return seen(T, not dirty, measured={"state": found} if "watch" in told else {})

    case = replace(in_suite(world), source=sources.get)
    finding = conforms(RankedProbe(Order), case, world).finding
    assert finding.cause.culprits == polluters
    assert "any one of these 2 tests" in finding.cause.summary
    assert len(finding.patches) == 2, "monkeypatch, and a fixture"
    assert all(f"+++ b/{path}" in patch.diff for patch in finding.patches for path in sources)


def test_a_file_whose_import_pollutes_is_named_and_no_test_of_it():
    """`pytest -k NAME` is red and `pytest NODEID` is green."""
    files = tuple(dict.fromkeys(nodeid.partition("::")[0] for nodeid in SUITE))

    def world(setup):
        return seen(T, "tests/test_b.py" not in setup.imports)

    base = Setup(nodeids=(T,), imports=files)
    case = case_of(T, world, base=base, suite=SUITE, context="imports")
    cause = conforms(RankedProbe(Order), case, world).finding.cause
    assert (cause.kind, cause.culprits) == ("order-dependent", ("tests/test_b.py",))


@pytest.mark.parametrize("heals", [0, 1, None])
def test_the_edit_that_takes_the_leak_back_is_proposed_once_it_was_tried(heals):
    """The second way is tried where the first does not heal; an edit that heals nothing is kept back."""
    leaking = polluted_by(SUITE[3], leak="cwd")
    text = "import os\n\ndef test_3():\n    os.chdir('/')\n"
    tried = []

    def world(setup):
        if not setup.edits:
            return leaking(setup)
        tried.extend(text for text in setup.edits.values() if text not in tried)
        return seen(T, heals is not None and tried.index(*setup.edits.values()) == heals)

    case = replace(in_suite(leaking), source=lambda path: text if path == "tests/test_a.py" else None)
    finding = conforms(RankedProbe(Order), case, world).finding
    assert [patch.after for patch in finding.patches] == ([] if heals is None else [tried[heals]])
    assert finding.cause.confidence == "proven"
    if heals == 0:
        assert "monkeypatch.chdir('/')" in finding.patches[0].diff
    else:
        assert "def restored_" in tried[1]


def test_two_ways_to_take_a_leak_back_are_two_options():
    leaking = polluted_by(SUITE[3], leak="cwd")
    text = "import os\n\ndef test_3():\n    os.chdir('/')\n"

    def world(setup):
        return seen(T, True) if setup.edits else leaking(setup)

    case = replace(in_suite(leaking), source=lambda path: text if path == "tests/test_a.py" else None)
    takes_back, put_back = conforms(RankedProbe(Order), case, world).finding.patches
    assert "monkeypatch.chdir('/')" in takes_back.diff
    assert "def restored_" in put_back.diff


@pytest.mark.parametrize("setter", SUITE[1:-1:5])
def test_a_state_setter_is_found(setter):
    def world(setup):
        return seen(T, setter in setup.nodeids[: setup.nodeids.index(T)], "KeyError: 'user'")

    case = case_of(T, world, suite=SUITE)
    assert conforms(RankedProbe(Setter), case, world).finding.cause.culprits == (setter,)


def test_what_fails_in_the_suite_too_has_no_setter():
    def world(setup):
        return seen(T, False)

    assert conforms(RankedProbe(Setter), case_of(T, world, suite=SUITE), world).finding.cause is None


@given(st.sets(st.integers(0, 39), min_size=1, max_size=3))
def test_delta_debugging_gives_a_one_minimal_set(wanted):
    def world(setup):
        return seen(T, not wanted <= set(map(int, setup.nodeids)))

    class Search:
        name = "search"

        def likelihood(self, case):
            return 1.0

        def investigate(self, case):
            found = yield from minimise(
                list(range(40)),
                lambda part: Setup(nodeids=tuple(map(str, part))),
                lambda run: run.red(T),
                "fewer",
            )
            return Finding(excluded=str(sorted(found)))

    case = case_of(T, world, Setup(nodeids=tuple(map(str, range(40)))))
    assert drive(Search(), case, world).finding.excluded == str(sorted(wanted))


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("wanted", range(0, 64, 3))
def test_one_of_sixty_four_takes_at_most_half_as_many_runs_again_as_it_has_bits(wanted, width):
    def world(setup):
        return seen(T, str(wanted) not in setup.nodeids)

    class Search:
        name = "search"

        def likelihood(self, case):
            return 1.0

        def investigate(self, case):
            found = yield from minimise(
                list(range(64)),
                lambda part: Setup(nodeids=tuple(map(str, part))),
                lambda run: run.red(T),
                "fewer",
                width=width,
            )
            return Finding(excluded=str(found))

    driven = drive(Search(), case_of(T, world, Setup(nodeids=tuple(map(str, range(64))))), world)
    assert driven.finding.excluded == str((wanted,))
    assert driven.runs <= 9, "six bits are enough; 1.5 times as many runs are allowed"


# -- environment, files, time, place -------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [("APP_URL", "environment-variable"), ("TZ", "clock"), ("LC_ALL", "locale"), ("PYTHONHASHSEED", "seed"),
     ("OMP_NUM_THREADS", "threads"), ("HTTPS_PROXY", "network")],
)  # fmt: skip
def test_a_variable_that_is_set_and_should_not_be(name, kind):
    def world(setup):
        return seen(T, setup.env.get(name, "x") is None)

    case = case_of(
        T,
        world,
        env={"PATH": "/bin", name: "x", "OTHER": "1"},
        facts=surveyed(use("variable", name, set=True)),
    )
    cause = conforms(RankedProbe(Environment), case, world).finding.cause
    assert (cause.kind, cause.confidence, cause.culprits[0]) == (kind, "proven", name)


def test_a_variable_that_nobody_was_seen_to_read_is_found_among_all():
    def world(setup):
        return seen(T, setup.env.get("V17", "x") is None)

    case = case_of(T, world, env={f"V{n}": "x" for n in range(30)}, facts=surveyed())
    assert conforms(RankedProbe(Environment), case, world).finding.cause.culprits == ("V17",)


def test_a_missing_variable_gets_a_value_that_the_source_names():
    def world(setup):
        return seen(T, setup.env.get("MODE") == "exact", "KeyError: 'MODE'")

    source = "MODES = {'exact': 1, 'rough': 2}\nimport os\nx = MODES[os.environ['MODE']]\n"
    case = case_of(
        T,
        world,
        facts=surveyed(use("variable", "MODE", set=False)),
        source=lambda path: source if path == "app.py" else None,
    )
    factor = conforms(RankedProbe(Environment), case, world).finding.cause.factor
    assert (factor.name, factor.to) == ("MODE", "exact")


def test_no_variable_decides():
    def world(setup):
        return seen(T, False)

    case = case_of(T, world, env={"A": "1", "B": "2"}, facts=surveyed(use("variable", "A", set=True)))
    assert conforms(RankedProbe(Environment), case, world).finding.cause is None


def absent(path, **more):
    return use("file", path, exists=False, relative=True, absolute=f"/x/{path}", **more)


def test_a_missing_file_is_provided_from_its_namesake():
    def world(setup):
        return seen(T, setup.edits.get("data/golden.txt") == "gold", "FileNotFoundError: 'data/golden.txt'")

    case = case_of(
        T, world, facts=surveyed(absent("data/golden.txt")), files=("old/golden.txt",),
        source=lambda path: "gold" if path == "old/golden.txt" else None,
    )  # fmt: skip
    cause = conforms(RankedProbe(Files), case, world).finding.cause
    assert (cause.kind, cause.confidence, cause.culprits) == ("missing-file", "proven", ("data/golden.txt",))


def test_a_relative_path_is_a_matter_of_where_one_stands():
    def world(setup):
        return seen(
            T, setup.instruments.get("cwd", {}).get("to") == "tests/unit", "FileNotFoundError: 'a.ini'"
        )

    case = case_of(T, world, facts=surveyed(absent("a.ini")), files=("tests/unit/a.ini",))
    assert conforms(RankedProbe(Files), case, world).finding.cause.kind == "working-directory"


def test_a_file_of_which_nothing_is_left_is_likely_and_not_proven():
    def world(setup):
        return seen(T, False, "FileNotFoundError: 'secret.bin'")

    cause = conforms(
        RankedProbe(Files), case_of(T, world, facts=surveyed(absent("secret.bin"))), world
    ).finding.cause
    assert (cause.kind, cause.confidence) == ("missing-file", "likely")


def test_a_day_that_has_passed():
    limit = 1_782_000_000.0  # 2026-06-21

    def world(setup):
        return seen(T, setup.instruments.get("clock", {}).get("at", limit + 1) < limit, "assert not expired")

    case = case_of(
        T, world, facts={**surveyed(use("clock", "date.today")), "now": limit + 1e7},
        source=lambda path: "LIMIT = date(2026, 6, 21)\n",
    )  # fmt: skip
    assert conforms(RankedProbe(Clock), case, world).finding.cause.kind == "clock"


def clock_case(world, data):
    """A test that reads its dates from a file, a year after the only one there."""
    source = {
        T.partition("::")[0]: "import json\nLICENCE = json.load(open('licence.json'))\n",
        "licence.json": data,
    }
    facts = {**surveyed(use("clock", "date.today")), "now": 1_782_000_000.0 + 3e7}
    return case_of(T, world, facts=facts, source=source.get, files=tuple(source))


def test_a_date_in_a_data_file_is_tried_and_is_the_reason_where_it_flips_there():
    limit = 1_782_000_000.0  # 2026-06-21
    data = '{"until": "2026-06-21"}'

    def until(setup):
        return seen(T, setup.instruments.get("clock", {}).get("at", limit + 1e7) < limit)

    finding = conforms(RankedProbe(Clock), clock_case(until, data), until).finding
    assert finding.cause.kind == "clock"
    assert finding.because == "licence.json names 2026-06-21: the day before it passes, after it fails"


def test_times_that_do_not_help_are_named_and_no_others_are_spoken_of():
    def never(setup):
        return seen(T, False)

    excluded = conforms(RankedProbe(Clock), clock_case(never, "{}"), never).finding.excluded
    assert excluded.startswith("it fails too at each of ")
    assert "in the zones UTC" in excluded


def test_locale_and_network_name_their_factor():
    def latin(setup):
        return seen(T, setup.env.get("LC_ALL") == "C.UTF-8", "UnicodeDecodeError: 'ascii' codec can't decode")

    assert (
        conforms(RankedProbe(Locale), case_of(T, latin, env={"LC_ALL": "C"}), latin).finding.cause.kind
        == "locale"
    )

    def offline(setup):
        return seen(T, bool(setup.instruments.get("network", {}).get("answers")), "ConnectionRefusedError")

    case = case_of(T, offline, facts=surveyed(use("network", "socket.connect", address="('db', 5432)")))
    assert "('db', 5432)" in conforms(RankedProbe(Network), case, offline).finding.cause.culprits


# -- chance --------------------------------------------------------------------------------------


def alternating(passes_with=lambda setup: False):
    """Fails every other time, unless the treatment is there."""
    count = iter(range(10_000))

    def world(setup):
        return seen(T, passes_with(setup) or next(count) % 2 == 1)

    return world


def test_repeats_tell_a_flaky_test():
    world = alternating()
    finding = drive(Repeat(), case_of(T, world), world).finding
    assert (finding.cause.kind, finding.cause.confidence) == ("flaky", "likely")


def test_a_seed_that_decides_is_proven_with_enough_repeats():
    world = alternating(lambda setup: setup.instruments.get("seed", {}).get("seed") == 2)
    case = case_of(T, world, rate=0.5, runs=4, facts=surveyed(use("random", "random.random")))
    driven = drive(Seed(), case, world)
    assert (driven.finding.cause.kind, driven.finding.cause.factor.to) == ("seed", 2)
    assert driven.results[-1].p_value <= 0.01


def test_the_share_of_failing_seeds_is_counted_over_twenty_of_them():
    """Every third seed passes: 13 of 20 fail, whichever was found first."""
    world = alternating(lambda setup: setup.instruments.get("seed", {}).get("seed", 1) % 3 == 0)
    case = case_of(T, world, rate=0.5, runs=4, facts=surveyed(use("random", "random.random")))
    steady = seen(T, False)

    def by_seed(setup):
        seed = setup.instruments.get("seed", {}).get("seed")
        return world(setup) if seed is None else steady if seed % 3 else seen(T, True)

    cause = drive(Seed(), case, by_seed).finding.cause
    assert "it fails for 13 of 20 seeds (65%, at 95 % 43% to 82%)" in cause.summary


@pytest.mark.parametrize(
    ("drawn_at", "kind"), [("tests/test_z.py:3", "product-defect"), ("shop.py:2", "seed")]
)
def test_lines_that_only_failing_seeds_run_are_the_products_fault_where_the_test_draws(drawn_at, kind):
    flaky_world = alternating()

    def world(setup):
        seed = setup.instruments.get("seed", {}).get("seed")
        if seed is None:
            return flaky_world(setup)
        lines = [[0, 2], [0, 3]] if seed % 2 else [[0, 2], [0, 5]]
        executed = {"event": "executed", "nodeid": T, "detail": "lines", "files": ["shop.py"], "lines": lines}
        return seen(T, not seed % 2, measured={"lines": (executed,)} if "lines" in setup.instruments else {})

    draws = {"event": "use", "what": "random", "name": "random.randrange", "where": drawn_at}
    case = case_of(T, world, rate=0.5, runs=4, facts=surveyed(draws))
    cause = drive(Seed(), case, world).finding.cause
    assert cause.kind == kind
    assert ("shop.py:3" in cause.culprits) == (kind == "product-defect")
    assert "it fails for 10 of 20 seeds" in cause.summary


def test_no_seed_decides_where_entropy_does():
    world = alternating()
    assert drive(Seed(), case_of(T, world, rate=0.5, runs=4, facts=surveyed()), world).finding.cause is None


# -- history, parameters, combinations -----------------------------------------------------------

COMMITS = tuple(Commit(id=f"{n:040x}", subject=f"number {n}") for n in range(99, -1, -1))


def history(first_bad, blind=()):
    def world(setup):
        number = int(setup.commit, 16) if setup.commit else 99
        if number in blind:
            return Observation(
                outcomes={T: Outcome.ERROR}, failures={T: failure(T).model_copy(update={"phase": "collect"})}
            )
        return seen(T, number < first_bad)

    return world


@pytest.mark.parametrize("first_bad", [1, 2, 37, 64, 98, 99])
def test_the_first_bad_commit_is_found_and_run_again_beside_its_parent(first_bad):
    world = history(first_bad)
    driven = conforms(RankedProbe(CommitProbe), case_of(T, world, facts={"commits": COMMITS}), world)
    assert driven.finding.cause.culprits == (f"{first_bad:040x}",)
    (experiment,) = driven.experiments
    assert (int(experiment.baseline.commit, 16), int(experiment.treated.commit, 16)) == (
        first_bad,
        first_bad - 1,
    )


def test_commits_that_do_not_build_are_stepped_over():
    world = history(40, blind={50, 49, 25, 37, 38, 45})
    driven = conforms(RankedProbe(CommitProbe), case_of(T, world, facts={"commits": COMMITS}), world)
    assert driven.finding.cause.culprits == (f"{40:040x}",)


def test_where_broken_commits_hide_the_guilty_one_all_are_named_as_likely():
    world = history(40, blind={40, 41})
    cause = conforms(
        RankedProbe(CommitProbe), case_of(T, world, facts={"commits": COMMITS}), world
    ).finding.cause
    assert cause.confidence == "likely"
    assert cause.culprits == tuple(f"{n:040x}" for n in (42, 41, 40))


def test_what_fails_otherwise_before_the_feature_existed_is_not_taken_for_bad():
    def world(setup):
        number = int(setup.commit, 16) if setup.commit else 99
        if number < 20:
            return Observation(outcomes={T: Outcome.FAILED}, failures={T: failure(T, "no add", "TypeError")})
        return seen(T, number < 60)

    case = case_of(T, world, facts={"commits": COMMITS})
    assert conforms(RankedProbe(CommitProbe), case, world).finding.cause.culprits == (f"{60:040x}",)


def test_a_merge_whose_parents_both_pass_is_named_itself():
    side = tuple(Commit(id=f"{n:040x}") for n in (203, 202, 201, 30))

    def world(setup):
        number = int(setup.commit, 16) if setup.commit else 99
        return seen(T, number < 60 or number > 200)

    case = case_of(T, world, facts={"commits": COMMITS, "merged": {f"{60:040x}": side}})
    assert drive(CommitProbe(), case, world).finding.cause.culprits == (f"{60:040x}",)


def test_a_known_good_commit_that_was_green_for_another_reason_misleads_nobody():
    world = history(20)
    case = case_of(T, world, facts={"commits": COMMITS, "good_commit": f"{80:040x}"})
    assert conforms(RankedProbe(CommitProbe), case, world).finding.cause.culprits == (f"{20:040x}",)


@pytest.mark.parametrize("first_bad", [3, 37, 96])
def test_a_bad_commit_that_often_passes_by_luck_does_not_mislead(first_bad):
    chance = random.Random(first_bad)

    def world(setup):
        number = int(setup.commit, 16) if setup.commit else 99
        return seen(T, number < first_bad or (setup.commit is not None and chance.random() > 0.4))

    case = case_of(T, world, rate=0.4, runs=10, facts={"commits": COMMITS})
    assert drive(CommitProbe(), case, world).finding.cause.culprits == (f"{first_bad:040x}",)


def test_a_failure_as_old_as_the_history_has_no_first_bad_commit():
    world = history(-1)
    assert (
        conforms(RankedProbe(CommitProbe), case_of(T, world, facts={"commits": COMMITS}), world).finding.cause
        is None
    )


def test_a_noisy_test_does_not_mislead_the_bisection():
    count = iter(range(100_000))

    def world(setup):
        number = int(setup.commit, 16) if setup.commit else 99
        return seen(T, number < 37 or next(count) % 5 == 4)

    case = case_of(T, world, rate=0.8, runs=5, facts={"commits": COMMITS})
    assert drive(CommitProbe(), case, world).finding.cause.culprits == (f"{37:040x}",)


@pytest.mark.parametrize(
    ("red", "green", "axis"),
    [(["t[a-16]"], ["t[a-32]", "t[b-32]"], 1), (["t[a-1]", "t[a-2]"], ["t[b-1]", "t[b-2]"], 0),
     (["t[a-1]"], ["t[a-2]", "t[b-1]"], None)],
)  # fmt: skip
def test_the_axis_that_decides(red, green, axis):
    assert deciding_axis(red, green) == axis


def test_a_dtype_parameter_is_likely_for_the_product_may_be_wrong_for_it_alone():
    family = tuple(f"tests/t.py::test[{d}]" for d in ("float64", "float32", "float16"))

    def world(setup):
        return Observation(
            outcomes={n: Outcome.FAILED if "float16" in n else Outcome.PASSED for n in setup.nodeids},
            failures={n: failure(n) for n in setup.nodeids if "float16" in n},
        )

    case = case_of(family[2], world, suite=family)
    cause = conforms(RankedProbe(Parameter), case, world).finding.cause
    assert (cause.kind, cause.confidence, cause.culprits) == ("dtype", "likely", ("float16",))
    assert "where part 1 of its parameters is float16, and passes where it is float64" in cause.summary


@pytest.mark.parametrize("names", ['"cents, text"', '["cents", "text"]'])
def test_the_argument_that_decides_is_called_by_its_name_with_all_values_that_fail(names):
    family = tuple(f"tests/t.py::test[{n}-{n}.00]" for n in (5, 1900, 1999))
    source = f"import pytest\n@pytest.mark.parametrize({names}, VALUES)\ndef test(cents, text):\n    pass\n"

    def world(setup):
        red = [nodeid for nodeid in setup.nodeids if "1999" not in nodeid]
        outcomes = {n: Outcome.FAILED if n in red else Outcome.PASSED for n in setup.nodeids}
        return Observation(outcomes=outcomes, failures={n: failure(n) for n in red})

    case = case_of(family[1], world, suite=family, source={"tests/t.py": source}.get)
    summary = drive(Parameter(), case, world).finding.cause.summary
    assert summary == "it fails where cents is 1900 or 5, and passes where it is 1999 (2 of 3 fail)"


def test_two_causes_are_found_where_one_is_not_enough():
    def world(setup):
        return seen(T, {"A", "C"} <= {name for name, value in setup.env.items() if value is None})

    usage = surveyed(*(use("variable", name, set=True) for name in "ABC"))
    case = case_of(T, world, env={"A": "1", "HOME": "/", "C": "3"}, facts=usage)
    single = drive(Environment(), case, world)
    assert single.finding.cause is None
    case = case_of(T, world, facts={"environment": single.finding})
    cause = conforms(RankedProbe(Interaction), case, world).finding.cause
    assert (cause.factor.kind, set(cause.culprits) & {"A", "C"}) == ("joint", {"A", "C"})


def test_what_the_user_asks_is_tried():
    def world(setup):
        return seen(T, setup.env.get("X") == "1")

    case = case_of(
        T, world, factors=(Factor(kind="env", name="X", to="1"), Factor(kind="env", name="Y", to="1"))
    )
    driven = conforms(RankedProbe(UserFactor), case, world)
    assert [result.status.value for result in driven.results] == ["confirmed", "refuted"]
    assert driven.finding.cause.kind == "environment-variable"


# -- all of them ---------------------------------------------------------------------------------


def plain_failure():
    frame = Frame(
        path="tests/test_z.py", lineno=3, function="test_it", code="assert f(2) == 5", origin="test"
    )
    chain = (Raised(type="AssertionError", message="assert 4 == 5", frames=(frame,)),)
    return Failure(nodeid=T, phase="call", chain=chain, longrepr="assert 4 == 5")


@pytest.mark.parametrize("probe", built_in(), ids=lambda probe: probe.name)
def test_no_probe_is_fooled_by_a_test_that_always_fails(probe):
    def world(setup):
        return Observation(
            outcomes=dict.fromkeys(setup.nodeids, Outcome.FAILED), failures={T: plain_failure()}
        )

    usage = surveyed(
        use("variable", "HOME", set=True), use("clock", "time.time"), use("random", "random.random"),
        use("network", "socket.connect", address="x"), absent("gone.txt"), use("threads", "start"),
        use("limits", "l"),
    )  # fmt: skip
    for context in ("alone", "suite"):
        base = Setup(nodeids=SUITE if context == "suite" else (T,))
        case = case_of(
            T, world, base, context=context, suite=SUITE, env={"HOME": "/", "A": "1"},
            facts={**usage, "now": 1.8e9, "commits": COMMITS[:5]},
            source=lambda path: "import torch\nx = 0.0\n",
        )  # fmt: skip
        driven = drive(probe, case, world)
        cause = driven.finding.cause
        assert cause is None or cause.confidence != "proven"
