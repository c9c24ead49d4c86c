"""A large red run as evidence, without running it: for the benchmark of the HTML report."""

from __future__ import annotations

import random
from pathlib import Path

from triage.documents.run_summary import write_run_summary
from triage.evidence.folder import EvidenceFolder
from triage.model.cluster import Cluster, RunState
from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Outcome, Phase
from triage.model.run import Attempt, RunRecord, TestResult

COMMIT = "5f0c7b1d7a6f4f3f9f3fd5e7a1b2c3d4e5f60718"
_TESTS_A_FILE = 40
_TESTS_A_CHUNK = 250
_CLUSTERS = 40
_WORKERS = 4
_EXCEPTIONS = ("AssertionError", "KeyError", "ValueError", "TimeoutError", "parcel.errors.QuoteError")
_WORDS = (
    "rate",
    "order",
    "market",
    "region",
    "invoice",
    "carrier",
    "label",
    "weight",
    "customs",
    "address",
    "refund",
)


def write_large_run(root: Path, *, tests: int, red: int, runs: int, seed: int = 1) -> EvidenceFolder:
    """Write `runs` sealed runs of the same tests beneath `root`; gives the newest."""
    chance = random.Random(seed)
    nodeids = [_nodeid(index, chance) for index in range(tests)]
    failing = sorted(chance.sample(range(tests), red))
    homes = {nodeids[index]: f"C{1 + position % _CLUSTERS}" for position, index in enumerate(failing)}
    folders = [
        _write(root, f"202611{day + 1:02}T060000Z", nodeids, _red_of(homes, day, runs, chance), chance)
        for day in range(runs)
    ]
    return folders[-1]


def _red_of(homes: dict[str, str], day: int, runs: int, chance: random.Random) -> dict[str, str]:
    """Red tests of one run: all in the newest, fewer and fewer before."""
    share = (day + 1) / runs
    return {nodeid: home for nodeid, home in homes.items() if share == 1 or chance.random() < share}


def _nodeid(index: int, chance: random.Random) -> str:
    file = index // _TESTS_A_FILE
    area = _WORDS[file % len(_WORDS)]
    name = f"test_{chance.choice(_WORDS)}_{chance.choice(_WORDS)}_{index}"
    parameter = f"[{chance.choice(_WORDS)}-{chance.randrange(1000)}]" if index % 3 == 0 else ""
    return f"tests/{area}/test_{area}_{file}.py::Test{area.title()}::{name}{parameter}"


def _failure(nodeid: str, home: str, chance: random.Random) -> Failure:
    number = int(home[1:])
    word, exception = _WORDS[number % len(_WORDS)], _EXCEPTIONS[number % len(_EXCEPTIONS)]
    file, line = nodeid.partition("::")[0], chance.randrange(10, 400)
    message = (
        f"{word} {chance.randrange(10_000)} is not {chance.randrange(10_000)} for {chance.choice(_WORDS)}"
    )
    product = f"src/parcel/{word}.py"
    steps = "\n".join(
        f"src/parcel/{each}.py:{chance.randrange(10, 900)}: in {each}_of\n"
        f"    return {each}({chance.randrange(99)}, order=order)"
        for each in chance.sample(_WORDS, 4)
    )
    text = (
        f"order = Order(id={chance.randrange(10**9)}, {word}={chance.random():.6f})\n\n"
        f"    def test_it(order):\n>       assert quote(order).{word} == {chance.randrange(10_000)}\n\n"
        f"{file}:{line}: \n{'_ ' * 40}\n{steps}\n"
        f"E   {exception}: {message}\n\n{product}:{20 + number}: {exception}"
    )
    frames = (
        Frame(path=file, lineno=line, function="test_it", code="assert quote(order)", origin="test"),
        Frame(path=product, lineno=20 + number, function=word, code=f"raise {exception}", origin="product"),
    )
    log = "\n".join(
        f"2026-11-30 06:00:{n:02} INFO parcel.{word} order {chance.randrange(10**6)}" for n in range(6)
    )
    return Failure(
        nodeid=nodeid,
        phase=Phase.CALL,
        chain=(Raised(type=exception, message=message, frames=frames),),
        longrepr=text,
        captured=Captured(log=log),
    )


def _write(
    root: Path, stamp: str, nodeids: list[str], homes: dict[str, str], chance: random.Random
) -> EvidenceFolder:
    results = tuple(
        TestResult(
            nodeid=nodeid,
            outcome=_outcome(nodeid in homes, chance),
            duration=round(chance.expovariate(8), 4),
            chunk=f"chunk_{1 + index // _TESTS_A_CHUNK:03}",
            attempt=1,
            failures=(_failure(nodeid, homes[nodeid], chance),) if nodeid in homes else (),
        )
        for index, nodeid in enumerate(nodeids)
    )
    record = RunRecord(
        stamp=stamp, campaign="parcels", root=str(root), complete=True, results=results,
        attempts=_attempts(results), seconds=700.0, commit=COMMIT, dirty=False,
    )  # fmt: skip
    folder = EvidenceFolder.create(root, "parcels", "a", stamp)
    folder.write_json("results.json", record)
    folder.write_json("clusters.json", {"stamp": stamp, "clusters": _clusters(homes, stamp, record)})
    rows = [
        {**failure.model_dump(mode="json"), "exception": failure.exception, "message": failure.message,
         "cluster": homes[failure.nodeid]}
        for failure in record.failures
    ]  # fmt: skip
    folder.write_json("failures.json", {"stamp": stamp, "failures": rows})
    write_run_summary(root, folder)
    folder.seal()
    return folder


def _outcome(is_red: bool, chance: random.Random) -> Outcome:
    if is_red:
        return Outcome.FAILED
    return Outcome.SKIPPED if chance.random() < 0.02 else Outcome.PASSED


def _attempts(results: tuple[TestResult, ...]) -> tuple[Attempt, ...]:
    """A process a chunk, shared out among the workers."""
    seconds: dict[str, float] = {}
    for result in results:
        seconds[result.chunk or ""] = seconds.get(result.chunk or "", 0.5) + (result.duration or 0.0)
    free = [0.0] * _WORKERS
    attempts = []
    for chunk, took in seconds.items():
        worker = free.index(min(free))
        attempts.append(
            Attempt(
                chunk=chunk, number=1, command="pytest", seconds=round(took, 3), began=round(free[worker], 3)
            )
        )
        free[worker] += took + 0.05
    return tuple(attempts)


def _clusters(homes: dict[str, str], stamp: str, record: RunRecord) -> list[Cluster]:
    messages = {failure.nodeid: failure.message for failure in record.failures}
    members: dict[str, list[str]] = {}
    for nodeid, home in homes.items():
        members.setdefault(home, []).append(nodeid)
    return [
        Cluster(
            id=home,
            title=messages[own[0]],
            members=tuple(own),
            state_in_run=RunState.NEW if int(home[1:]) % 3 == 0 else RunState.KNOWN,
            owner=f"@team-{int(home[1:]) % 5}",
            first_seen=stamp,
        )
        for home, own in sorted(members.items(), key=lambda item: int(item[0][1:]))
    ]
