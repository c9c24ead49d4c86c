"""Word the failure of a doctest's example: the example, what was due, what came."""

from __future__ import annotations

from itertools import zip_longest

TYPE = "doctest.DocTestFailure"
"""Type of the failure of an example whose output is another one."""
PROMPT = ">>> "
"""What stands before an example; a frame whose code begins so is an example and no statement of a file."""


def example_code(source: str) -> str:
    """The example as its docstring shows it, in one line."""
    lines = [line.strip() for line in source.strip().splitlines()]
    return PROMPT + " ".join(lines)


def example_message(source: str, want: str, got: str) -> str:
    """`f(2): expected 5, got 4`, of longer outputs their first lines that differ; then both outputs whole."""
    code = example_code(source).removeprefix(PROMPT)
    due, came = _first_difference(want, got)
    first = f"{code}: expected {due or 'nothing'}, got {came or 'nothing'}"
    return f"{first}\nExpected:\n{_indented(want)}\nGot:\n{_indented(got)}"


def _first_difference(want: str, got: str) -> tuple[str, str]:
    """The first lines that are not equal; both empty outputs give empty lines."""
    for due, came in zip_longest(want.strip().splitlines(), got.strip().splitlines(), fillvalue=""):
        if due.strip() != came.strip():
            return due.strip(), came.strip()
    return want.strip(), got.strip()


def _indented(output: str) -> str:
    lines = output.strip("\n").splitlines() or ["(nothing)"]
    return "\n".join(f"    {line}" for line in lines)
