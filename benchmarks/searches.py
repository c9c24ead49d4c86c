"""Runs that a search takes, against its information bound and against the tools that people use.

Commits: ours beside `git bisect run` in a real repository. Polluters: ours beside detect-test-pollution,
where it is installed. Usage: python -m benchmarks searches
"""

from __future__ import annotations

import importlib.util
import math
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from triage.lab.protocol import Observation, Setup
from triage.model.outcome import Outcome
from triage.probe.probes.commit import Commit, CommitProbe
from triage.probe.probes.order import Order
from triage.testing.probes import case_of, drive, seen

_TEST = "tests/test_victim.py::test_it"
_COMMITS, _TESTS = 128, 128
_IDENTITY = ("-c", "user.email=b@example.org", "-c", "user.name=B", "-c", "commit.gpgsign=false")


def ours_on_commits(first_bad: int, known_good: bool) -> int:
    """Looks until the suspect is known: newest of 128 commits is bad, the oldest is good."""
    commits = tuple(Commit(id=f"{n:040x}") for n in range(_COMMITS - 1, -1, -1))

    def world(setup: Setup) -> Observation:
        number = int(setup.commit, 16) if setup.commit else _COMMITS - 1
        return seen(_TEST, number < first_bad)

    facts = {"commits": commits} | ({"good_commit": commits[-1].id} if known_good else {})
    driven = drive(CommitProbe(), case_of(_TEST, world, facts=facts), world)
    assert driven.finding is not None
    assert driven.finding.cause is not None
    assert driven.finding.cause.culprits == (f"{first_bad:040x}",)
    return len(driven.looks)


def ours_on_noise(first_bad: int, rate: float, chance: random.Random) -> tuple[int, bool]:
    """Looks where a bad commit fails with this rate only, and whether the suspect is right."""
    commits = tuple(Commit(id=f"{n:040x}") for n in range(_COMMITS - 1, -1, -1))

    def world(setup: Setup) -> Observation:
        number = int(setup.commit, 16) if setup.commit else _COMMITS - 1
        return seen(_TEST, number < first_bad or (setup.commit is not None and chance.random() > rate))

    case = case_of(_TEST, world, rate=rate, runs=10, facts={"commits": commits})
    driven = drive(CommitProbe(), case, world)
    cause = driven.finding.cause if driven.finding else None
    return len(driven.looks), cause is not None and cause.culprits == (f"{first_bad:040x}",)


def git_bisect(root: Path, first_bad: int) -> int:
    """Runs of `git bisect run` on a repository whose file `n` holds the number of the commit."""
    count = root / ".git" / "count"
    count.write_text("")
    script = f"echo x >> {count}; test $(cat n) -lt {first_bad}"
    _git(root, "bisect", "start", "HEAD", f"HEAD~{_COMMITS - 1}")
    _git(root, "bisect", "run", "sh", "-c", script)
    _git(root, "bisect", "reset")
    return len(count.read_text().splitlines())


def ours_on_tests(polluter: int) -> int:
    """Looks until the one polluter among 127 tests before the victim is known."""
    order = (*(f"tests/test_{n // 8}.py::test_{n}" for n in range(_TESTS - 1)), _TEST)

    def world(setup: Setup) -> Observation:
        dirty = order[polluter] in setup.nodeids
        outcome = Outcome.FAILED if dirty else Outcome.PASSED
        return seen(_TEST, outcome)

    case = case_of(_TEST, world, Setup(nodeids=order), context="suite", suite=order)
    driven = drive(Order(), case, world)
    assert driven.finding is not None
    assert driven.finding.cause is not None
    assert driven.finding.cause.culprits == (order[polluter],)
    return sum(step.why == "fewer tests before it" for step in driven.looks)


def detect_test_pollution(root: Path, polluter: int) -> int:
    """Processes that detect-test-pollution starts on the same case, collection included."""
    count = root / "count"
    starting = f"def pytest_configure(config):\n    open({str(count)!r}, 'a').write('x\\n')\n"
    (root / "conftest.py").write_text(starting)
    lines = ("B.append(1)" if n == polluter else "pass" for n in range(_TESTS - 1))
    body = "".join(f"def test_{n}():\n    {line}\n" for n, line in enumerate(lines))
    (root / "test_all.py").write_text(f"B = []\n{body}def test_it():\n    assert not B\n")
    count.write_text("")
    start = "import sys; from detect_test_pollution import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", start, "--tests", "test_all.py", "--failing-test", "test_all.py::test_it"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    if f"test_{polluter}" not in done.stdout:
        print(
            f"  detect-test-pollution did not find test_{polluter}: {done.stdout[-200:]}{done.stderr[-300:]}"
        )
    return len(count.read_text().splitlines())


def main(argv: Sequence[str] | None = None) -> int:
    """Print medians and ratios."""
    places = range(1, _COMMITS, 9)
    bound = math.log2(_COMMITS - 1)
    known = statistics.mean(ours_on_commits(place, known_good=True) for place in places)
    walked = statistics.mean(ours_on_commits(place, known_good=False) for place in places)
    with tempfile.TemporaryDirectory(prefix="bench-") as base:
        repository = _repository(Path(base) / "repository")
        git = statistics.mean(git_bisect(repository, place) for place in places)
    print(f"commits: {_COMMITS}, information bound {bound:.2f} runs")
    print(f"  triage, a good commit known   {known:.2f} runs, then the experiment, {known / bound:.2f} of it")
    print(
        f"  triage, no good commit known  {walked:.2f} runs, then the experiment, {walked / bound:.2f} of it"
    )
    print(f"  git bisect run                {git:.2f} runs (ends on trust), {git / bound:.2f} of the bound")
    chance = random.Random(1)
    noisy = [ours_on_noise(place, 0.5, chance) for place in places]
    right = sum(found for _, found in noisy)
    print(
        f"  triage, failing half the time {statistics.mean(runs for runs, _ in noisy):.2f} runs, "
        f"right in {right} of {len(noisy)}"
    )
    tests = statistics.mean(ours_on_tests(place) for place in range(0, _TESTS - 1, 9))
    print(f"polluters: one of {_TESTS - 1}, information bound {bound:.2f} runs")
    print(f"  triage                        {tests:.2f} runs, {tests / bound:.2f} of the bound")
    if importlib.util.find_spec("detect_test_pollution") is None:
        print("  detect-test-pollution         is not installed here")
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-") as base:
        theirs = statistics.mean(
            detect_test_pollution(Path(base), place) for place in range(0, _TESTS - 1, 25)
        )
    print(f"  detect-test-pollution         {theirs:.2f} processes, {theirs / bound:.2f} of the bound")
    return 0


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
    sys.exit(main())
