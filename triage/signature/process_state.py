"""Read off a failure what state its process was in, and what of the process its lines look at."""

from __future__ import annotations

import re
from collections.abc import Iterable

from triage.model.failure import Failure, posix
from triage.model.nodeid import file_of
from triage.model.signature import ProcessState
from triage.signature.checkout import ROOT
from triage.signature.numbers import Numeric
from triage.signature.timing import compares_time
from triage.text.pattern import pattern

_LOOKED_AT = 30_000
_LONGEST_MESSAGE = 2000
_MOST_NAMES = 10

_PRINTED_WITH_FLOAT32 = pattern(
    r"(?<![.\w])tensor\([^()]*\d\.[^()]*dtype=torch\.float32",
    matches=["tensor([1., 2.], dtype=torch.float32)"],
    rejects=["torch.tensor(x, dtype=torch.float32)", "tensor([1, 2])"],
)
"""torch leaves the dtype out where it is the default."""
_SHOWN_VALUE = pattern(
    r"^(?: E[ ].* | \w+[ ]+=[ ].* )$",
    flags=re.MULTILINE,
    matches=["E   assert 1 == 2", "image = tensor([1.])"],
    rejects=[">   image = f(x)"],
)
"""pytest's explanations and lines of arguments, which show values where source lines show code."""
_SINGLE = re.compile(r"\bfloat32\b|\b[Ff]loat\b")
_DOUBLE = re.compile(r"\bfloat64\b|\b[Dd]ouble\b")
_REFUSES = pattern(
    r"dtype | scalar[ ]type | did[ ]not[ ]match | do[ ]not[ ]match | != | [Ee]xpected",
    matches=["expected scalar type Float but found Double", "float32 != float64"],
    rejects=["float32 or float64"],
)
_VARIABLE = pattern(
    r"""
    (?: \benviron(?:\.(?:get|pop|setdefault))?\s*[\[(] | \bgetenvb?\s*\( ) \s*
    b?['\"](?P<name>[A-Za-z_]\w{0,80})['\"]
    """,
    matches=["os.environ['HOME']", "os.getenv( 'HOME')", "environ.get('HOME', '')"],
    rejects=["environ[name]"],
)
_THREADS = pattern(
    r"\b(?:get_num_threads|get_num_interop_threads|omp_get_max_threads|active_count|threadpool_info)(?=\s*\()",
    matches=["torch.get_num_threads()"],
    rejects=["num_threads()", "active_count"],
)


def states_of(
    failure: Failure, message: str, code: str, shown: str, numeric: Numeric
) -> tuple[ProcessState, ...]:
    """The states that a failure shows.

    `message` is that of the error that counts, `code` its failing line, `shown` all that it says in its own
    words, `numeric` what it compares.
    """
    states = []
    if working_directory_moved(failure):
        states.append(ProcessState.WORKING_DIRECTORY_MOVED)
    if _prints_another_default_dtype(failure, shown):
        states.append(ProcessState.DEFAULT_DTYPE_CHANGED)
    if mixes_dtypes(message):
        states.append(ProcessState.DTYPES_MIXED)
    if compares_measured_time(failure, code, numeric):
        states.append(ProcessState.TIME_COMPARED)
    return tuple(states)


def compares_measured_time(failure: Failure, code: str, numeric: Numeric) -> bool:
    """Whether the failing line compares a measured time with a limit."""
    return numeric.op in ("<", "<=", ">", ">=") and compares_time(failure.longrepr, code)


def working_directory_moved(failure: Failure) -> bool:
    """Whether pytest showed the test's own file other than relative to the root it was collected from.

    pytest writes paths relative to the current directory; a test that changed it makes them absolute or
    climbing. A representation in Python's own style is always absolute and says nothing.
    """
    test_file = posix(file_of(failure.nodeid))
    if not test_file or test_file.startswith("/"):
        return False
    if f"/{test_file}:" not in failure.longrepr:
        return False
    shown_at = rf"^(?P<before>(?:\S*/)?){re.escape(test_file)}:\d+: "
    befores = [found["before"] for found in re.finditer(shown_at, failure.longrepr, re.MULTILINE)]
    return bool(befores) and all(before.startswith((f"{ROOT}/", "/", "../")) for before in befores)


def mixes_dtypes(message: str) -> bool:
    """Whether an operation was refused, or a comparison failed, because single met double precision."""
    text = message[:_LONGEST_MESSAGE]
    return bool(_SINGLE.search(text) and _DOUBLE.search(text) and _REFUSES.search(text))


def process_looked_at(texts: Iterable[str]) -> tuple[str, ...]:
    """What source lines and explanations of them look at, sorted, such as `environment variable HOME`."""
    text = "\n".join(texts)[:_LOOKED_AT]
    found = {f"environment variable {match['name']}" for match in _VARIABLE.finditer(text)}
    found.update(f"number of threads by {name}" for name in _THREADS.findall(text))
    return tuple(sorted(found))[:_MOST_NAMES]


def _prints_another_default_dtype(failure: Failure, shown: str) -> bool:
    """Whether a tensor was printed with `dtype=torch.float32`: float32 was not the default dtype then.

    Looked for in the message and in pytest's lines of arguments (`name = tensor(…)`), not in source code.
    """
    if "dtype=torch.float32" not in shown and "dtype=torch.float32" not in failure.longrepr:
        return False
    values = _SHOWN_VALUE.findall(failure.longrepr[:_LOOKED_AT])
    return _PRINTED_WITH_FLOAT32.search("\n".join((shown, *values))) is not None
