"""The local and the dask executor keep the protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from triage.process.api import LOG, Executor
from triage.process.local import LocalExecutor
from triage.recorder.supervisor import EXIT_NOT_STARTED
from triage.testing.executors import ExecutorConformance


class TestLocal(ExecutorConformance):
    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        executor = LocalExecutor()
        yield executor
        executor.close()


@pytest.fixture(scope="module")
def dask_executor() -> Iterator[Executor]:
    pytest.importorskip("distributed", reason="needs the dask extra")
    from triage.process.dask import DaskExecutor

    executor = DaskExecutor(workers=2)
    yield executor
    executor.close()


@pytest.mark.slow
class TestDask(ExecutorConformance):
    @pytest.fixture
    def executor(self, dask_executor: Executor) -> Executor:
        return dask_executor

    def test_a_worker_that_lacks_the_folder_says_so(self, executor: Executor, tmp_path: Path) -> None:
        request = replace(self.request(tmp_path / "one", "print(1)"), cwd=str(tmp_path / "not shared"))
        outcome, record = self.run(executor, request)
        assert (outcome.ended, outcome.exit_code, record) == ("finished", EXIT_NOT_STARTED, b"")
        log = (tmp_path / "one" / LOG).read_text()
        assert "the dask worker tcp://" in log
        assert f"has no folder {tmp_path / 'not shared'}" in log
