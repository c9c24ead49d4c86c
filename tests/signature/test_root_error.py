"""The error inside: of real worker pools, runners, children and inner pytest runs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.fixtures.projects import NO_FOREIGN_PLUGINS
from triage.formats.importer import read
from triage.model.failure import Captured, Failure, Frame, Raised
from triage.model.outcome import Phase
from triage.signature.api import signatures_of
from triage.signature.number_formats import read_numbers
from triage.signature.root_error import root_error

SUITE = """
import concurrent.futures
import multiprocessing
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from beam import align

pytest_plugins = ["pytester"]
fork = multiprocessing.get_context("fork")
CHILD = [sys.executable, "-c", "import beam; beam.align(3)"]


def test_pool():
    with fork.Pool(1) as pool:
        pool.map(align, [1])


def test_executor():
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=fork) as pool:
        pool.submit(align, 1).result()


def test_stderr_in_the_message():
    done = subprocess.run(CHILD, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_bytes_in_the_message():
    done = subprocess.run(CHILD, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_repr_in_the_message():
    done = subprocess.run(CHILD, capture_output=True, text=True)
    assert done.stdout == "ok", f"out={done.stdout!r} err={done.stderr!r}"


def test_checked():
    subprocess.run(CHILD, check=True)


def test_joined():
    child = fork.Process(target=align, args=(1,))
    child.start()
    child.join()
    assert child.exitcode == 0


def test_click():
    @click.command()
    def command():
        align(3)

    assert CliRunner().invoke(command).exit_code == 0


def test_pytester(pytester):
    pytester.makepyfile("def test_x(): raise ValueError('the beam is not aligned')")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_direct():
    align(3)
"""


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Failure]:
    root = tmp_path_factory.mktemp("wrapped")
    (root / "beam.py").write_text("def align(angle):\n    raise ValueError('the beam is not aligned')\n")
    (root / "tests").mkdir()
    (root / "tests" / "test_wrapped.py").write_text(SUITE)
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_jsonreport.plugin",
         "--json-report", "--json-report-file=report.json", "tests"],
        cwd=root, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), **NO_FOREIGN_PLUGINS},
        capture_output=True, check=False, timeout=200,
    )  # fmt: skip
    assert json.loads((root / "report.json").read_text())["summary"]["failed"] == 10
    record = read([root / "report.json"], root=root, stamp="S")
    return {failure.nodeid.rpartition("::")[2]: failure for failure in record.failures}


@pytest.mark.slow
def test_the_inner_error_counts_and_its_place(failures: dict[str, Failure]) -> None:
    for name, failure in failures.items():
        found = root_error(failure)
        if name == "test_pytester":
            assert found.said == "ValueError: the beam is not aligned"
            continue
        assert (found.exception, found.message) == ("ValueError", "the beam is not aligned"), name
        # click's runner keeps no frames in what it shows; pytest cuts the middle out of long bytes
        if name not in ("test_click", "test_bytes_in_the_message"):
            assert signatures_of(failure)[0].fields["frame"].endswith("beam.py:align"), name


FILE = '  File "/srv/x/orbit/tables.py", line 3, in read\n    return open(path)\n'
QUOTED = f'"""\nTraceback (most recent call last):\n{FILE}KeyError: \'mass\'\n"""'


@pytest.mark.parametrize(
    ("kind", "message", "cause"),
    [
        ("KeyError", "'mass'", Raised(type="multiprocessing.pool.RemoteTraceback", message="\n" + QUOTED)),
        ("KeyError", "'mass'", Raised(type="concurrent.futures.process._RemoteTraceback", message=QUOTED)),
        ("KeyError", "'mass'", Raised(type="joblib.externals.loky._RemoteTraceback", message=QUOTED)),
        ("dask.multiprocessing.KeyError", f"'mass'\n\nTraceback\n---------\n{FILE}", None),
        ("execnet.RemoteError", f"Traceback (most recent call last):\n{FILE}KeyError: 'mass'", None),
    ],
)  # fmt: skip
def test_remote_tracebacks_as_a_record_has_them(kind: str, message: str, cause: Raised | None) -> None:
    own = Frame(path="tests/test_a.py", lineno=3, function="test_a", code="run()", origin="test")
    chain = [Raised(type=kind, message=message, frames=(own,))]
    if cause is not None:
        chain.append(cause.model_copy(update={"relation": "cause"}))
    found = root_error(Failure(nodeid="tests/test_a.py::test_a", phase=Phase.CALL, chain=tuple(chain)))
    assert (found.exception, found.message.strip()) == ("KeyError", "'mass'")
    assert found.frames[-1].function == "read"
    assert found.chain == ()


@pytest.mark.parametrize(
    ("shown", "kind", "said"),
    [
        ("ValueError('the beam is off')", "ValueError", "the beam is off"),
        ("FileNotFoundError(2, 'No such file or directory')", "FileNotFoundError",
         "[Errno 2] No such file or directory"),
        ('KeyError("it\'s gone")', "KeyError", "it's gone"),
        ("OddError(3)", "OddError", "3"),
        ("UsageError('a', 'b')", "UsageError", "a"),
    ],
)  # fmt: skip
def test_what_clicks_runner_caught(shown: str, kind: str, said: str) -> None:
    message = f"assert 1 == 0\n +  where 1 = <Result {shown}>.exit_code"
    chain = (Raised(type="AssertionError", message=message),)
    found = root_error(Failure(nodeid="a.py::a", phase=Phase.CALL, chain=chain))
    assert (found.exception, found.message, found.wrapper) == (kind, said, "AssertionError")
    ended = (Raised(type="AssertionError", message=message.replace(shown, "SystemExit(2)")),)
    assert root_error(Failure(nodeid="a.py::a", phase=Phase.CALL, chain=ended)).wrapper == ""


def test_another_error_than_the_quoted_one_keeps_its_own_place() -> None:
    cause = Raised(type="multiprocessing.pool.RemoteTraceback", message=QUOTED, relation="cause")
    chain = (Raised(type="ValueError", message="cannot read the table"), cause)
    found = root_error(Failure(nodeid="a.py::a", phase=Phase.CALL, chain=chain))
    assert (found.exception, found.chain) == ("ValueError", (cause,))


@pytest.mark.parametrize(
    "text",
    [
        '"""' * 9000,
        "Traceback (most recent call last):\\n" * 3000,
        "Traceback (most recent call last):\n" * 3000,
        "<Result A(" * 5000,
        "E  E" * 9000,
    ],
)
def test_hostile_texts_end(text: str) -> None:
    chain = (Raised(type="AssertionError", message=text), Raised(type="RemoteTraceback", message=text))
    failure = Failure(nodeid="a.py::a", phase=Phase.CALL, chain=chain, captured=Captured(stdout=text))
    assert signatures_of(failure)
    assert read_numbers(text)


def unittest_failure(message: str, code: str, test: str = "a") -> Failure:
    own = Frame(path="t/test_a.py", lineno=3, function=f"test_{test}", code=code, origin="test")
    raised = Raised(type="AssertionError", message=message, frames=(own,))
    return Failure(nodeid=f"t/test_a.py::TestA::test_{test}", phase=Phase.CALL, chain=(raised,))


def test_words_of_a_library_are_not_an_authors() -> None:
    one = unittest_failure("1 != 2", "self.assertEqual(self.load(), 2)")
    other = unittest_failure("3 != 4", "self.assertEqual(self.save(), 4)", "b")
    assert signatures_of(one)[0].id != signatures_of(other)[0].id
    worded = signatures_of(unittest_failure("1 != 2 : the centre is off", "self.assertEqual(a, b)"))[0]
    assert worded.fields["message"] == "the centre is off"


def test_notes_are_no_identity() -> None:
    def noted(*notes: str) -> Failure:
        raised = Raised(type="ValueError", message="bad value", notes=notes)
        return Failure(nodeid="a.py::a", phase=Phase.CALL, chain=(raised,))

    plain, told = signatures_of(noted())[0], signatures_of(noted("while reading beam.toml"))[0]
    assert plain.id == told.id
