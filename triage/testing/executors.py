"""Test that an executor keeps its protocol: subclass `ExecutorConformance` and give it an executor."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from triage.process.api import FOLDER, LOG, RECORD, Executor, ProcessOutcome, ProcessRequest

_NAP = "import time; time.sleep(1000)"


class ExecutorConformance:
    """Tests of the protocol in `triage.process.api`; override the `executor` fixture."""

    @pytest.fixture
    def executor(self) -> Executor:
        """Return the executor under test; its `close` is up to the fixture."""
        raise NotImplementedError

    def request(self, folder: Path, code: str, **limits: object) -> ProcessRequest:
        """Return a request for a process that runs `code` and has its folder in `FOLDER`."""
        env = {**os.environ, "FOLDER": FOLDER, "GREETING": "hello", "API_TOKEN": "very-secret-token"}
        values: dict[str, object] = {
            "argv": (sys.executable, "-c", code),
            "cwd": str(folder.parent),
            "env": env,
        }
        return ProcessRequest(folder=folder, **(values | limits))  # type: ignore[arg-type]

    def run(self, executor: Executor, request: ProcessRequest) -> tuple[ProcessOutcome, bytes]:
        """The outcome, and what the record sink was given."""
        blocks: list[bytes] = []
        return executor.run(request, blocks.append, lambda: False), b"".join(blocks)

    def test_exit_code_log_and_environment(self, executor: Executor, tmp_path: Path) -> None:
        """What the process says and sees."""
        code = "import os, sys; print(os.environ['GREETING'], os.getcwd()); sys.exit(7)"
        outcome, _ = self.run(executor, self.request(tmp_path / "one", code))
        assert (outcome.ended, outcome.exit_code, outcome.signal) == ("finished", 7, None)
        assert (tmp_path / "one" / LOG).read_text() == f"hello {tmp_path}\n"

    def test_signal(self, executor: Executor, tmp_path: Path) -> None:
        """A death by signal is told from an exit."""
        outcome, _ = self.run(executor, self.request(tmp_path / "one", "import os; os.kill(os.getpid(), 9)"))
        assert (outcome.ended, outcome.exit_code, outcome.signal) == ("finished", None, "SIGKILL")

    def test_record_arrives_whole_and_in_order(self, executor: Executor, tmp_path: Path) -> None:
        """Also what was written just before the death."""
        code = f"""
import os
with open(os.environ["FOLDER"] + "/{RECORD}", "a") as file:
    for i in range(20000): file.write(f"{{i}}\\n")
os._exit(3)
"""
        outcome, record = self.run(executor, self.request(tmp_path / "one", code))
        assert outcome.exit_code == 3
        assert record.decode().split() == [str(i) for i in range(20000)]

    def test_record_arrives_while_the_process_runs(self, executor: Executor, tmp_path: Path) -> None:
        """What is known is known to the harness before the process ends, or dies with its machine."""
        heard = tmp_path / "heard"
        code = f"""
import os, time
with open(os.environ["FOLDER"] + "/{RECORD}", "a") as file: file.write("x\\n")
deadline = time.monotonic() + 20
while not os.path.exists({str(heard)!r}):
    if time.monotonic() > deadline: os._exit(9)
    time.sleep(0.01)
"""

        def hear(block: bytes) -> None:
            if block:
                heard.touch()

        outcome = executor.run(self.request(tmp_path / "one", code), hear, lambda: False)
        assert outcome.exit_code == 0

    def test_files_are_there_and_name_their_folder(self, executor: Executor, tmp_path: Path) -> None:
        """`{folder}` is filled in arguments, environment and files."""
        code = "import os; d = os.environ['FOLDER']; print(open(d + '/note').read() == d)"
        request = self.request(tmp_path / "one", code, files={"note": FOLDER.encode()})
        self.run(executor, request)
        assert (tmp_path / "one" / LOG).read_text() == "True\n"

    def test_silence_is_a_hang(self, executor: Executor, tmp_path: Path) -> None:
        """The record does not grow any more: killed. The start is not held to the limit of a test."""
        code = f"""
import os, time
with open(os.environ["FOLDER"] + "/{RECORD}", "a") as file: file.write("x\\n")
time.sleep(1000)
"""
        started = time.monotonic()
        outcome, _ = self.run(executor, self.request(tmp_path / "one", code, test_timeout=0.5))
        assert outcome.ended == "test-timeout"
        # a busy machine may take long to start it, but the limit of a start is 30 seconds
        assert time.monotonic() - started < 30

    def test_whole_time_is_limited(self, executor: Executor, tmp_path: Path) -> None:
        """However much the record grows. A shell starts within the limit on a busy machine too."""
        script = f'while :; do echo x >> "$FOLDER/{RECORD}"; sleep 0.05; done'
        request = self.request(
            tmp_path / "one", "", argv=("/bin/sh", "-c", script), test_timeout=5.0, total_seconds=1.0
        )
        outcome, record = self.run(executor, request)
        assert outcome.ended == "chunk-timeout"
        assert record.startswith(b"x\n")

    def test_the_whole_tree_is_gone(self, executor: Executor, tmp_path: Path) -> None:
        """Children, sessions of their own, daemons; the count of the swept says so."""
        pids = tmp_path / "pids"
        code = f"""
import os, subprocess, sys, time
nap = "import os, time; open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\\\n'); time.sleep(1000)"
subprocess.Popen([sys.executable, "-c", nap])
subprocess.Popen([sys.executable, "-c", nap], start_new_session=True)
while not os.path.exists({str(pids)!r}) or len(open({str(pids)!r}).read().split()) < 2: time.sleep(0.01)
"""
        outcome, _ = self.run(executor, self.request(tmp_path / "one", code))
        assert (outcome.ended, outcome.exit_code, outcome.swept) == ("finished", 0, 2)
        assert not any(psutil.pid_exists(int(pid)) for pid in pids.read_text().split())

    def test_stop(self, executor: Executor, tmp_path: Path) -> None:
        """Asked to stop, the process is ended and called interrupted."""
        asked = threading.Event()
        threading.Timer(0.5, asked.set).start()
        request = self.request(tmp_path / "one", _NAP)
        outcome = executor.run(request, lambda _block: None, asked.is_set)
        assert outcome.ended == "interrupted"

    def test_a_program_that_is_not_there(self, executor: Executor, tmp_path: Path) -> None:
        """No exception: an outcome, and a line in the log."""
        request = self.request(tmp_path / "one", "", argv=("/no/such/program",))
        outcome, _ = self.run(executor, request)
        assert outcome.exit_code == 127
        assert "/no/such/program" in (tmp_path / "one" / LOG).read_text()

    def test_the_log_is_bounded_and_without_secrets(self, executor: Executor, tmp_path: Path) -> None:
        """Head and tail are kept, what was cut is said, values of secret variables are gone."""
        code = "import os; print('first', os.environ['API_TOKEN']); print('x\\n' * 500000); print('last')"
        outcome, _ = self.run(executor, self.request(tmp_path / "one", code, log_bytes=20_000))
        log = (tmp_path / "one" / LOG).read_text()
        assert len(log) < 60_000
        assert outcome.log_cut > 900_000
        assert log.startswith("first [redacted]\n")
        assert log.endswith("last\n")

    def test_several_at_once(self, executor: Executor, tmp_path: Path) -> None:
        """Threads may call it side by side; each gets its own."""
        outcomes: dict[int, ProcessOutcome] = {}

        def one(number: int) -> None:
            request = self.request(tmp_path / f"n{number}", f"print({number}); raise SystemExit({number})")
            outcomes[number] = self.run(executor, request)[0]

        threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {number: outcome.exit_code for number, outcome in outcomes.items()} == {n: n for n in range(4)}
        assert [(tmp_path / f"n{n}" / LOG).read_text() for n in range(4)] == [f"{n}\n" for n in range(4)]
