"""The corpus: failures with the cause that a person would name."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from triage.model.failure import Captured, Failure, Frame, Raised, origin_of
from triage.model.outcome import Phase

HERE = Path(__file__).parent
ROOT = "/home/dev/orbit-suite"


def frames_of(lines: list[str]) -> tuple[Frame, ...]:
    found = []
    for number, text in enumerate(lines, start=1):
        path, function, code = text.split(":", 2)
        found.append(
            Frame(path=path, lineno=number, function=function, code=code, origin=origin_of(path, ROOT))
        )
    return tuple(found)


def raised_of(case: dict[str, Any], test: str, relation: Any = "raised") -> Raised:
    path, _, name = test.partition("::")
    function = name.partition("[")[0].rpartition("::")[2] or "<module>"
    own = Frame(path=path, lineno=9, function=function, code=case.get("line"), origin="test")
    frames = (own, *frames_of(case.get("at", [])))
    return Raised(type=case["raises"], message=case["message"], relation=relation, frames=frames)


def longrepr_of(case: dict[str, Any], raised: Raised) -> str:
    """As pytest shows it: the test's source, the frames, the error."""
    before = f"{ROOT}/" if case.get("moved") else ""
    source = [f"    {line}" for line in case.get("source", [])]
    shown = [f"    def {raised.frames[0].function}():", *source, f">   {case.get('line', 'run()')}"]
    for frame in raised.frames[1:]:
        shown += ["", f"{before}{frame.path}:{frame.lineno}: in {frame.function}", f"    {frame.code}"]
    shown += [f"E   {line}" for line in f"{raised.type}: {raised.message}".splitlines()]
    return "\n".join([*shown, "", f"{before}{raised.frames[0].path}:9: {raised.type}"])


def failure_of(case: dict[str, Any]) -> Failure:
    raised = raised_of(case, case["test"])
    chain = [raised]
    if "wraps" in case:
        chain.append(raised_of(case["wraps"], case["test"], relation="cause"))
    return Failure(
        nodeid=case["test"],
        phase=Phase(case.get("phase", "call")),
        chain=tuple(chain),
        longrepr=longrepr_of(case, raised),
        captured=Captured(stdout=case.get("stdout", ""), stderr=case.get("stderr", "")),
    )


def read_corpus() -> dict[str, tuple[Failure, str]]:
    """Name of each case to its failure and the cause that a person would name."""
    cases = tomllib.loads((HERE / "corpus.toml").read_text())["case"]
    found = {case["name"]: (failure_of(case), case["cause"]) for case in cases}
    assert len(found) == len(cases), "names are unique"
    return found


@pytest.fixture(scope="session")
def corpus() -> dict[str, tuple[Failure, str]]:
    """The cases of `corpus.toml`."""
    return read_corpus()
