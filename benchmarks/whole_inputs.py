"""Make the inputs of `benchmarks.whole`: `python -m benchmarks.whole_inputs KIND SIZE FOLDER`.

Each is made by a process of its own: the memory of a process counts as that of the commands it starts.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from benchmarks.clustering_data import causes, stream

_KINDS = 300
"""Different causes of the failures in a report."""
_TESTS_OF_A_MODULE = 200
_STREAM_LINES = 4
"""Of captured output beside each failure, so that 20,000 of them fill 16 MB."""
_EVENTS_OF_A_CLUSTER = 20
"""100,000 events tell of 5,000 clusters."""
_RESULTS_OF_A_RUN = 1_000
_SLEEPING_TESTS_OF_A_MODULE = 20
_TESTS_OF_A_SHARD = 2_000
_FAILING_EVERY = 50
"""One test in so many ever fails."""
_RED_EVERY = 10
"""One result in so many of such a test is red."""
_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_AT = "2026-01-01T00:00:00Z"


def trivial(size: int, folder: Path) -> None:
    """`size` tests that pass, in up to 100 modules of the same length."""
    modules = max(1, min(100, size // 10))
    for number in range(modules):
        text = (
            f"import pytest\n@pytest.mark.parametrize('i', range({size // modules}))\ndef test_t(i): pass\n"
        )
        (folder / f"test_m{number:03}.py").write_text(text)


def parameters(size: int, folder: Path) -> None:
    """`size` parameters of one test function; four fail."""
    step = max(1, size // 4)
    (folder / "test_one.py").write_text(
        f"import pytest\n@pytest.mark.parametrize('i', range({size}))\n"
        f"def test_t(i): assert i % {step} != 1\n"
    )


def conftest(size: int, folder: Path) -> None:
    """`size` tests that use fixtures of a conftest."""
    (folder / "conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(scope='session')\ndef shop():\n    return {'price': 10}\n"
    )
    (folder / "test_shop.py").write_text(
        f"import pytest\n@pytest.mark.parametrize('i', range({size}))\n"
        "def test_price(shop, i): assert shop['price'] == 10\n"
    )


def sleeping(size: int, folder: Path) -> None:
    """`size` tests of 10 ms each, in modules of 20: what runs at the same time shows in the wall time."""
    modules = max(1, size // _SLEEPING_TESTS_OF_A_MODULE)
    for number in range(modules):
        (folder / f"test_s{number:04}.py").write_text(
            "import time\n\nimport pytest\n\n"
            f"@pytest.mark.parametrize('i', range({size // modules}))\ndef test_t(i): time.sleep(0.01)\n"
        )


def printing(size: int, folder: Path) -> None:
    """A test that prints `size` MB and fails, so that its output is evidence."""
    (folder / "test_print.py").write_text(
        "LINE = 'step of a long computation: all is well' * 25\n\n"
        "def test_talks():\n"
        f"    for _ in range({size * 1000}):\n        print(LINE[:999])\n"
        "    assert False\n"
    )


def shards(size: int, folder: Path) -> None:
    """`size` shards of 2,000 trivial tests each, as the jobs of a matrix leave them."""
    import subprocess

    for number in range(size):
        (folder / f"test_m{number:03}.py").write_text(
            f"import pytest\n@pytest.mark.parametrize('i', range({_TESTS_OF_A_SHARD}))\ndef test_t(i): pass\n"
        )
    for number in range(1, size + 1):
        # a STAMP of its own: a quick shard may begin within the second of the one before it
        words = ["run", "--shard", f"{number}/{size}", "--stamp", _stamp(number), "--workers", "1"]
        command = [sys.executable, "-m", "triage", *words]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (folder / "reports").rename(folder / "artifacts")


def torch(size: int, folder: Path) -> None:
    """`size` modules that import torch, with one test each."""
    for number in range(size):
        text = "import torch\n\ndef test_sum(): assert torch.ones(3).sum() == 3\n"
        (folder / f"test_t{number}.py").write_text(text)


def junit(size: int, folder: Path) -> None:
    """A report of `size` failures of 300 kinds, in pytest's dialect, with tracebacks and output."""
    rng = random.Random(7)
    kinds = min(_KINDS, size)
    with (folder / "junit.xml").open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<testsuites><testsuite name="pytest"')
        file.write(f' errors="0" failures="{size}" skipped="0" tests="{size}" time="100.0">\n')
        for seen, _ in stream(size, kinds=kinds):
            failure = seen.failure
            raised = failure.chain[-1]
            path, _, rest = failure.nodeid.partition("::")
            group, _, name = rest.partition("::")
            classname = f"{path.removesuffix('.py').replace('/', '.')}.{group}"
            first, *_ = raised.message.splitlines()
            message = f"{raised.type}: {raised.message}"
            file.write(f"<testcase classname={quoteattr(classname)} name={quoteattr(name)} time=")
            file.write(f'"{rng.random():.3f}"><failure message={quoteattr(message)}>')
            file.write(escape(_traceback(failure)))
            file.write("</failure><system-out>")
            for line in range(_STREAM_LINES):
                file.write(f"step {line}: {first} took {rng.random():.4f} s\n")
            file.write("</system-out></testcase>\n")
        file.write("</testsuite></testsuites>\n")


def _traceback(failure: object) -> str:
    from triage.model.failure import Failure

    assert isinstance(failure, Failure)
    raised = failure.chain[-1]
    lines = []
    for frame in raised.frames:
        lines += [f"    def {frame.function}(value):", f">       {frame.code}", ""]
        is_last = frame is raised.frames[-1]
        if is_last:
            lines += [f"E   {line}" for line in f"{raised.type}: {raised.message}".splitlines()]
            lines.append("")
        lines.append(f"{frame.path}:{frame.lineno}: {raised.type if is_last else ''}")
        if not is_last:
            lines.append("_ " * 40)
    return "\n".join(lines)


def journal(size: int, folder: Path) -> None:
    """A journal of `size` events: each cluster is opened, and grows by tests."""
    from triage.cluster.event_factory import EventFactory
    from triage.evidence.journal import JOURNAL, Journal
    from triage.model.journal import ClusterOpened, Event, MembersAdded

    factory = EventFactory(_AT, "benchmark")
    events: list[Event] = []
    planted = causes(max(1, size // _EVENTS_OF_A_CLUSTER), random.Random(3))
    for number, cause in enumerate(planted, start=1):
        name = f"C{number}"
        file = f"tests/test_{cause.number}.py"
        opened = factory.make(
            ClusterOpened,
            cluster=name,
            title=cause.words,
            stamp=_stamp(number),
            signatures=(f"reason/1:{number:016x}",),
            members=(f"{file}::test_0",),
        )
        events.append(opened)
        for member in range(1, _EVENTS_OF_A_CLUSTER):
            nodeid = f"{file}::test_{member}"
            events.append(
                factory.make(MembersAdded, cluster=name, members=(nodeid,), stamp=_stamp(number + member))
            )
    Journal(folder / JOURNAL).append(events)


def history(size: int, folder: Path) -> None:
    """A history of `size` results of 1,000 tests, and a report of one more run of them."""
    from triage.evidence.history.sqlite import SqliteStore

    store = folder / ".triage" / "history.sqlite"
    store.parent.mkdir()
    SqliteStore(store).close()
    tests = [f"tests/test_{number % 50}.py::test_{number}" for number in range(_RESULTS_OF_A_RUN)]
    with sqlite3.connect(store) as database:
        database.execute("pragma synchronous = off")
        database.executemany(
            "insert into tests (test, nodeid, seconds) values (?, ?, 0.01)", enumerate(tests, start=1)
        )
        runs = size // _RESULTS_OF_A_RUN
        rows = ((run, _stamp(run), "bench", f"{run:040x}", 1, 0) for run in range(1, runs + 1))
        database.executemany(
            "insert into runs (run, stamp, campaign, commit_id, complete, dirty) values (?, ?, ?, ?, ?, ?)",
            rows,
        )
        database.executemany(
            "insert into results (run, test, outcome, seconds, signature, runs, failed)"
            " values (?, ?, ?, 0.01, ?, 1, ?)",
            _results(runs),
        )
    # a store of today takes the rows in, where it keeps sums beside them
    SqliteStore(store).close()
    _write_green_report(folder / "junit.xml", tests)


def _results(runs: int) -> Iterator[tuple[int, int, str, str | None, int]]:
    for run in range(1, runs + 1):
        for test in range(1, _RESULTS_OF_A_RUN + 1):
            is_red = test % _FAILING_EVERY == 0 and (run * 7 + test) % _RED_EVERY == 0
            signature = f"reason/1:{test:016x}" if is_red else None
            yield run, test, "failed" if is_red else "passed", signature, int(is_red)


def _write_green_report(path: Path, tests: list[str]) -> None:
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f'<testsuite name="pytest" tests="{len(tests)}">']
    for nodeid in tests:
        file, _, name = nodeid.partition("::")
        classname = file.removesuffix(".py").replace("/", ".")
        lines.append(f'<testcase classname="{classname}" name="{name}" time="0.01"/>')
    path.write_text("\n".join([*lines, "</testsuite>", ""]))


def stamps(size: int, folder: Path) -> None:
    """`size` sealed STAMP folders: one that `triage import` wrote, again and again under another STAMP."""
    import subprocess

    from triage.evidence import manifest
    from triage.evidence.folder import EvidenceFolder

    _write_green_report(folder / "junit.xml", ["tests/test_a.py::test_one", "tests/test_a.py::test_two"])
    command = [sys.executable, "-m", "triage", "import", "junit.xml", "--stamp", _stamp(0)]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (first,) = EvidenceFolder.all(folder, phase="a")
    for number in range(1, size):
        copy = first.path.parent / _stamp(number)
        shutil.copytree(first.path, copy)
        (copy / manifest.NAME).unlink()
        _rename_stamp(copy, first.stamp)
        manifest.seal(copy, manifest.read(first.path).journal)


def _rename_stamp(folder: Path, former: str) -> None:
    """Write the own STAMP for the former one, and in claims the digests of what that changed."""
    changed = {}
    # claims name the digests of the other files
    for path in sorted(folder.iterdir(), key=lambda path: path.name.endswith(".claims.json")):
        before = path.read_text()
        text = before.replace(former, folder.name)
        for old, new in changed.items():
            text = text.replace(old, new)
        path.write_text(text)
        changed[_sha256(before)] = _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _stamp(number: int) -> str:
    return (_BEGUN + timedelta(minutes=number)).strftime("%Y%m%dT%H%M%SZ")


KINDS: dict[str, Callable[[int, Path], None]] = {
    made.__name__: made
    for made in (
        trivial,
        parameters,
        conftest,
        sleeping,
        printing,
        shards,
        torch,
        junit,
        journal,
        history,
        stamps,
    )
}


def main(kind: str, size: str, folder: str) -> None:
    """Make one input in a folder that is new."""
    place = Path(folder)
    place.mkdir(parents=True)
    # the mark of a suite's root: without it a command would look for one above the folder
    (place / "pytest.ini").write_text("[pytest]\n")
    KINDS[kind](int(size), place)


if __name__ == "__main__":
    main(*sys.argv[1:])
