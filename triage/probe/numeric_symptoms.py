"""Say whether a failure may come from the arithmetic: by its message, its sources, what the test uses."""

from __future__ import annotations

import re

from triage.lab.lost_lines import Lines
from triage.model.nodeid import file_of
from triage.probe.api import Case
from triage.probe.symptoms import failing_files, message_of, uses
from triage.text.pattern import pattern

_NOT_CLOSE = pattern(
    r"""
    allclose | assert_close | isclose | approx | almost | not [ ] close | toleran   # the usual checks
    | Mismatch | differ | gradcheck
    | ± | e-\d\d | \d\.\d+ [ ] != | != [ ] -?\d+\.\d | \d\.\d{6,}                 # numbers as they show them
    | nan | inf\b
    """,
    matches=[
        "Not equal to tolerance rtol",
        "assert 0.1 == 0.2 ± 1.0e-7",
        "0.30000000000000004",
        "Mismatched",
    ],
    rejects=["assert 1 == 2", "KeyError: 'a'"],
    flags=re.IGNORECASE,
)
"""How failed comparisons of floats read."""
_COMPARES_FLOATS = pattern(
    r"""
    isclose | approx | allclose | assert_close | [Aa]lmost | toler
    | \beps | 1e- | \babs\( | == [ ]* -?\d+\.\d
    """,
    matches=["abs(a - b) < 1e-6", "x == 0.5", "pytest.approx(1)"],
    rejects=["assert x == 5", "name == 'a'"],
)
_COMPILER = pattern(
    r"torch\._dynamo | torch\._inductor | BackendCompilerFailed | torch\.compile | inductor | InvalidCxx",
    matches=["torch._dynamo.exc.Unsupported", "backend='inductor' raised"],
    rejects=["re.compile failed"],
)
_ASKS_TYPE = pattern(
    r"""
    dtype \s* (?: == | != | is\b | in\b | not[ ]in\b )
    | (?: == | != ) \s* (?: np | numpy | torch ) \. (?: b?float | half | single | double )
    | isinstance\( [^)]* \b (?: float(?:16|32|64) | floating | half | single | double ) \b
    | is_floating_point | \[ [^]\n]* \.dtype \]
    """,
    matches=["if x.dtype == torch.float32:", "isinstance(x, np.float64)", "LIMITS[x.dtype]"],
    rejects=["torch.zeros(3, dtype=torch.float32)", "x.is_leaf"],
)
_COMPILES = pattern(
    r"torch \. (?: compile | jit )",
    matches=["@torch.compile", "torch.jit.script(f)"],
    rejects=["re.compile('a')"],
)
_ARRAYS = pattern(
    r"\b (?: torch | numpy ) \b", matches=["import numpy as np", "torch.zeros(3)"], rejects=["torchvision"]
)
_NARROWS = pattern(
    r"\b (?: float32 | float16 | bfloat16 | half | single ) \b | \. float \( \)",
    matches=["np.asarray(x, dtype=np.float32)", "x.half()", "x.float()"],
    rejects=["float(x)", "np.float64"],
)
_MOST_NARROWING = 2
"""Lines that are named: further ones are seldom where the precision is lost."""
_MOST_FILES = 400
"""Files of a suite that are read; reading more takes longer than the experiment that it may save."""


def names_the_compiler(case: Case) -> bool:
    """Whether the failure comes from torch's compiler."""
    return _COMPILER.search(message_of(case)) is not None


def names_a_numeric_comparison(case: Case) -> bool:
    """Whether the failure reads like a failed comparison of floats."""
    return _NOT_CLOSE.search(message_of(case)) is not None


def uses_threads(case: Case) -> bool:
    """Whether the test starts threads."""
    return bool(uses(case, "threads"))


def uses_arrays(case: Case) -> bool:
    """Whether a file that the failure went through names torch or numpy."""
    return any(_ARRAYS.search(case.source(path) or "") for path in failing_files(case))


def compares_floats(case: Case) -> bool:
    """Whether the test's file compares floats."""
    return _COMPARES_FLOATS.search(case.source(file_of(case.nodeid)) or "") is not None


def asks_for_types(case: Case) -> bool:
    """Whether the suite's code asks for the type of its numbers: another type may then take another path."""
    return any(_ASKS_TYPE.search(case.source(path) or "") for path in _python_files(case))


def narrowing_lines(case: Case, executed: Lines) -> list[str]:
    """The first product lines (`path:line`) that the test runs and that ask for a narrow type."""
    found = []
    for path in sorted(executed):
        text = (case.source(path) or "").splitlines()
        for line in sorted(executed[path]):
            if line <= len(text) and _NARROWS.search(text[line - 1]):
                found.append(f"{path}:{line}")
    return found[:_MOST_NARROWING]


def compiles(case: Case) -> bool:
    """Whether the suite's code compiles functions with torch."""
    return any(_COMPILES.search(case.source(path) or "") for path in _python_files(case))


def _python_files(case: Case) -> list[str]:
    return [path for path in case.files if path.endswith(".py")][:_MOST_FILES]
