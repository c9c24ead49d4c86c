"""The local and the dask executor keep the protocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from triage.process.api import Executor
from triage.process.local import LocalExecutor
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
