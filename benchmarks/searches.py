"""Runs that a search takes, against its information bound and against the tools that people use.

Commits: ours beside `git bisect run` in a real repository. Polluters: ours beside detect-test-pollution,
where it is installed. Many causes at once: see `joint_searches`. Usage: python -m benchmarks searches
"""

from __future__ import annotations

import importlib.util
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from benchmarks import joint_searches
from triage.lab.protocol import Observation, Setup
from triage.model.outcome import Outcome
from triage.probe.probes.commit import Commit, CommitProbe
from triage.probe.probes.order import Order
from triage.testing.probes import Driven, case_of, drive, seen

_TEST = "tests/test_victim.py::test_it"
_COMMITS, _TESTS = 128, 128
"""Powers of two: halving has no luck with them."""
_NEWEST = _COMMITS - 1
_SAMPLE = 9
"""Every ninth place of the culprit is tried: no multiple of a power of two."""
_SAMPLE_OF_PROCESSES = 25
"""The same for a tool that starts real processes."""
_RATE = 0.5
"""How often a bad commit fails in the search under noise."""
_IDENTITY = ("-c", "user.email=b@example.org", "-c", "user.name=B", "-c", "commit.gpgsign=false")


class Search(NamedTuple):
    """What one search took, and whether it named the culprit."""

    runs: int
    right: bool


def ours_on_commits(first_bad: int, *, known_good: bool) -> int:
    """Looks until the suspect is known: the newest of 128 commits is bad, the oldest is good."""
    commits = _commits()

    def world(setup: Setup) -> Observation:
        return seen(_TEST, _number_of(setup) < first_bad)

    facts: dict[str, object] = {"commits": commits}
    if known_good:
        facts["good_commit"] = commits[-1].id
    driven = drive(CommitProbe(), case_of(_TEST, world, facts=facts), world)
    assert _culprits(driven) == (_id_of(first_bad),)
    return len(driven.looks)


def ours_on_noise(first_bad: int, rate: float, chance: random.Random) -> Search:
    """Looks where a bad commit fails with this rate only, and whether the suspect is right."""

    def world(setup: Setup) -> Observation:
        if _number_of(setup) < first_bad:
            return seen(_TEST, True)
        is_lucky = setup.commit is not None and chance.random() > rate
        return seen(_TEST, is_lucky)

    case = case_of(_TEST, world, rate=rate, runs=10, facts={"commits": _commits()})
    driven = drive(CommitProbe(), case, world)
    return Search(len(driven.looks), _culprits(driven) == (_id_of(first_bad),))


def _commits() -> tuple[Commit, ...]:
    """The commits as a probe gets them: newest first."""
    return tuple(Commit(id=_id_of(number)) for number in reversed(range(_COMMITS)))


def _id_of(number: int) -> str:
    """The number of a commit as 40 hexadecimal digits."""
    return f"{number:040x}"


def _number_of(setup: Setup) -> int:
    """The number of the commit that is run; the working tree stands at the newest."""
    return int(setup.commit, 16) if setup.commit else _NEWEST


def _culprits(driven: Driven) -> tuple[str, ...]:
    finding = driven.finding
    if finding is None or finding.cause is None:
        return ()
    return finding.cause.culprits


def git_bisect(root: Path, first_bad: int) -> int:
    """Runs of `git bisect run` on a repository whose file `n` holds the number of the commit."""
    count = root / ".git" / "count"
    count.write_text("")
    script = f"echo x >> {count}; test $(cat n) -lt {first_bad}"
    _git(root, "bisect", "start", "HEAD", f"HEAD~{_NEWEST}")
    _git(root, "bisect", "run", "sh", "-c", script)
    _git(root, "bisect", "reset")
    return len(count.read_text().splitlines())


def ours_on_tests(polluter: int) -> int:
    """Looks until the one polluter among 127 tests before the victim is known."""
    others = [f"tests/test_{number // 8}.py::test_{number}" for number in range(_TESTS - 1)]
    order = (*others, _TEST)

    def world(setup: Setup) -> Observation:
        is_polluted = order[polluter] in setup.nodeids
        return seen(_TEST, Outcome.FAILED if is_polluted else Outcome.PASSED)

    case = case_of(_TEST, world, Setup(nodeids=order), context="suite", suite=order)
    driven = drive(Order(), case, world)
    assert _culprits(driven) == (order[polluter],)
    return sum(step.why == "fewer tests before it" for step in driven.looks)


def detect_test_pollution(root: Path, polluter: int) -> int:
    """Processes that detect-test-pollution starts on the same case, collection included."""
    count = root / "count"
    count.write_text("")
    (root / "conftest.py").write_text(
        f"def pytest_configure(config):\n    open({str(count)!r}, 'a').write('x\\n')\n"
    )
    (root / "test_all.py").write_text(_polluted_suite(polluter))
    start = "import sys; from detect_test_pollution import main; sys.exit(main(sys.argv[1:]))"
    command = [
        sys.executable,
        "-c",
        start,
        "--tests",
        "test_all.py",
        "--failing-test",
        "test_all.py::test_it",
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if f"test_{polluter}" not in done.stdout:
        said = f"{done.stdout[-200:]}{done.stderr[-300:]}"
        print(f"  detect-test-pollution did not find test_{polluter}: {said}")
    return len(count.read_text().splitlines())


def _polluted_suite(polluter: int) -> str:
    """127 tests, one of which leaves something in a list, and the one that fails by it."""
    lines = ["LEFT = []"]
    for number in range(_TESTS - 1):
        body = "LEFT.append(1)" if number == polluter else "pass"
        lines += [f"def test_{number}():", f"    {body}"]
    lines += ["def test_it():", "    assert not LEFT"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print means and their ratios to the information bound."""
    _print_commits()
    _print_polluters()
    joint_searches.main()


def _print_commits() -> None:
    places = range(1, _COMMITS, _SAMPLE)
    bound = math.log2(_COMMITS - 1)
    known = mean(ours_on_commits(place, known_good=True) for place in places)
    unknown = mean(ours_on_commits(place, known_good=False) for place in places)
    with tempfile.TemporaryDirectory(prefix="bench-") as base:
        repository = _repository(Path(base) / "repository")
        git = mean(git_bisect(repository, place) for place in places)
    chance = random.Random(1)
    noisy = [ours_on_noise(place, _RATE, chance) for place in places]
    right = sum(search.right for search in noisy)

    print(f"commits: {_COMMITS}, information bound {bound:.2f} runs")
    print(f"  triage, a good commit known   {known:.2f} runs, then the experiment, {known / bound:.2f} of it")
    of_bound = unknown / bound
    print(f"  triage, no good commit known  {unknown:.2f} runs, then the experiment, {of_bound:.2f} of it")
    print(f"  git bisect run                {git:.2f} runs (ends on trust), {git / bound:.2f} of the bound")
    print(
        f"  triage, failing half the time {mean(search.runs for search in noisy):.2f} runs, "
        f"right in {right} of {len(noisy)}"
    )


def _print_polluters() -> None:
    bound = math.log2(_TESTS - 1)
    ours = mean(ours_on_tests(place) for place in range(0, _TESTS - 1, _SAMPLE))
    print(f"polluters: one of {_TESTS - 1}, information bound {bound:.2f} runs")
    print(f"  triage                        {ours:.2f} runs, {ours / bound:.2f} of the bound")
    if importlib.util.find_spec("detect_test_pollution") is None:
        print("  detect-test-pollution         is not installed here")
        return
    places = range(0, _TESTS - 1, _SAMPLE_OF_PROCESSES)
    with tempfile.TemporaryDirectory(prefix="bench-") as base:
        theirs = mean(detect_test_pollution(Path(base), place) for place in places)
    print(f"  detect-test-pollution         {theirs:.2f} processes, {theirs / bound:.2f} of the bound")


def _repository(root: Path) -> Path:
    root.mkdir()
    _git(root, "init", "-q", "-b", "main")
    for number in range(_COMMITS):
        (root / "n").write_text(str(number))
        _git(root, "add", "n")
        _git(root, "commit", "-q", "-m", str(number))
    return root


def _git(root: Path, *words: str) -> None:
    subprocess.run(["git", *_IDENTITY, *words], cwd=root, check=True, capture_output=True)


if __name__ == "__main__":
    main()
