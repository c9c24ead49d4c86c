"""Evidence beside the signature: what a failure shows of the state of its process and of what it compares.

None of it is part of the identity; the cluster room joins by it and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from triage.model.failure import Failure, posix
from triage.signature.comparison import (
    changed_words,
    given,
    kinds_compared,
    misused,
    none_from,
    telling_values,
)
from triage.signature.location import Place
from triage.signature.masking import masked, template
from triage.signature.numbers import Numeric
from triage.signature.root_error import Anatomy, is_process_end
from triage.signature.wording import explicit_text, names_its_cause, says_something

_CLOCK = re.compile(
    r"\b(?:perf_counter|process_time|monotonic|thread_time)(?:_ns)?\s*\(|\btime\.time(?:_ns)?\s*\(|\btimeit\b"
    r"|\bdefault_timer\s*\(|\.elapsed_time\s*\(|\bbenchmark\.stats\b"
)
_TIME_NAME = re.compile(
    r"(?:\w*_)?(?:elapsed|elapsed_\w+|time_taken|time_spent|took|latency|latencies|walltime|wall_time|cpu_time"
    r"|run_time|runtime|exec_time|execution_time|total_time|elapsed_time|time_per_\w+|timings?)"
)
_ASSIGNED = re.compile(
    r"^\s*(?:with\s.*\bas\s+)?(?P<left>[\w.,\s\[\]'\"():]+?)\s*(?:[+*/-]?=)(?!=)\s*(?P<right>.+)$"
)
_APPENDED = re.compile(r"^\s*(?P<left>[\w.]+)(?:\[[^\]]*\])?\.(?:append|add|extend)\((?P<right>.+)\)\s*$")
_NAME = re.compile(r"[A-Za-z_]\w*")
_PASSES = 3


def compares_time(longrepr: str, code: str) -> bool:
    """Whether the failing line (`code`, else the lines after `>`) compares a measured time."""
    lines = longrepr.splitlines()
    failing = code or next((line[1:] for line in lines if line.startswith(">")), "")
    if not failing.lstrip().startswith("assert"):
        return False
    if _CLOCK.search(failing):
        return True
    return bool(set(_NAME.findall(_compared(failing))) & _measured_names(lines))


def _compared(assertion: str) -> str:
    """The assertion without its message: a time that is only printed is not compared."""
    return re.split(r",\s*(?:\\\s*)?(?:f?['\"(]|$)", assertion, maxsplit=1)[0]


def _measured_names(lines: list[str]) -> set[str]:
    measured: set[str] = set()
    for _ in range(_PASSES):
        before = len(measured)
        for line in lines:
            found = _APPENDED.match(line[1:]) or _ASSIGNED.match(line[1:])
            if found is None or line.startswith("E"):
                continue
            right = set(_NAME.findall(found["right"]))
            names = _NAME.findall(found["left"].partition("[")[0])
            named = [name for name in names if _TIME_NAME.fullmatch(name) and "(" in found["right"]]
            if named or _CLOCK.search(found["right"]) or right & measured:
                measured.update(names)
        if len(measured) == before:
            break
    return measured - {"self", "cls"}


_VARIABLE = re.compile(
    r"(?:\benviron(?:\.(?:get|pop|setdefault))?\s*[\[(]|\bgetenvb?\s*\()\s*b?['\"](?P<name>[A-Za-z_]\w{0,80})['\"]"
)
_THREADS = re.compile(
    r"\b(?:get_num_threads|get_num_interop_threads|omp_get_max_threads|active_count|threadpool_info)(?=\s*\()"
)


def looked_at(texts: Iterable[str]) -> tuple[str, ...]:
    """Names in source lines and explanations of them, sorted, such as `environment variable HOME`."""
    text = "\n".join(texts)[:30_000]
    found: set[str] = set()
    if "env" in text:
        found.update(f"environment variable {match['name']}" for match in _VARIABLE.finditer(text))
    if "thread" in text or "active_count" in text:
        found.update(f"number of threads by {name}" for name in _THREADS.findall(text))
    return tuple(sorted(found))[:10]


_ATTRIBUTE_OF_OBJECT = re.compile(
    r"<(?:[\w]+\.)*(?P<cls>[A-Z]\w*) object at 0x[0-9a-f]+>\.(?P<attr>[a-z_]\w*)"
)
_NO_CODE = re.compile(
    r"<[^<>\n]{0,300}>|/[\w.]\S*|\b(?:torch|np|numpy|pytest|math|os|sys|re|json|subprocess)(?:\.\w+)+"
)
_ATTRIBUTE = re.compile(r"(?<=[\w\])>])(?<!\bself)(?<!\bcls)\.([a-z_]\w{3,})\b")
_COMMON_WORDS = (
    "item numpy shape dtype detach clone mean isclose allclose size device grad abs sqrt squeeze flatten "
    "tolist close stdout stderr returncode code value values items keys data startswith endswith format "
    "strip exists is_file isfinite isnan requires_grad status_code text json args name "
    "linalg norm testing approx"
)
_COMMON = frozenset(_COMMON_WORDS.split())
_MISSING = re.compile(
    r"No such file or directory|[Nn]ot found|does not exist|doesn't exist|[Mm]issing|cannot open"
    r"|can't open"
    r"|could not open|[Uu]nable to open|cannot find|[Nn]o such file|exists\(|is_file\("
    r"|No module named|not readable"
)
_FOLDER = re.compile(r"No such file or directory: b?['\"](?P<folder>[^'\"\n]{1,300})/[^/'\"\n]{1,200}['\"]")
_ASKS = re.compile(r"\b(?:exists|is_?file|is_?dir|lexists)\b")
_IS_THERE = re.compile(
    rf"^(?:E\s+)?\+?\s*(?:assert not\b.*{_ASKS.pattern}|where True = (?:<function )?{_ASKS.pattern})",
    re.MULTILINE,
)
"""The complaint is that a path is there: the opposite of a missing one."""
_MISSING_SIGNS = (
    "o such file", "ot found", "exist", "issing", "open", "annot find", "is_file(", "No module", "readable",
)  # fmt: skip
_RELATIVE = re.compile(
    r"(?<![\w/.~<-])(?:\.{1,2}/)*(?:[\w.+-]+/)+[\w.+-]*\w|(?<![\w/.])\.{1,2}/[\w.+-]+"
    r"|(?<=['\"])[\w+-]+\.\w{1,5}(?=['\"])"
)
_NO_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_NOT_THERE = re.compile(r"No such file or directory: b?['\"]([^/'\"\n][^'\"\n]{0,300})['\"]")
_OTHER_DEFAULT = re.compile(r"(?<![.\w])tensor\([^()]*\d\.[^()]*dtype=torch\.float32")
_ARGUMENT = re.compile(r"^(?:E .*|\w+ += .*)$", re.MULTILINE)
_OF_LIBRARIES = frozenset({"close", "equal", "gradcheck", "nan-location", "attribute", "shape"})
"""Kinds of comparison whose words are the library's own and say nothing of the cause."""
_CALL = re.compile(r"(?<![\w.])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)\s*\(")
_CHOSEN = re.compile(r"raise\b|assert\b|(?:sys\.|os\.|pytest\.|self\.)?_?(?:exit|fail|abort|skip|error)\w*\(")
_SINGLE = re.compile(r"\bfloat32\b|\b[Ff]loat\b")
_DOUBLE = re.compile(r"\bfloat64\b|\b[Dd]ouble\b")
_REFUSES = re.compile(r"dtype|scalar type|did not match|do not match|!=|[Ee]xpected")
_GENERATED = re.compile(
    r"Falsifying|Explanation:|You can (?:reproduce|add)|Draw \d|Unreliable|Failed to reproduce|State|Highest"
)
"""How Hypothesis begins the notes that it adds."""
_LOOKED_AT = 30_000


def marks_of(
    failure: Failure, anatomy: Anatomy, place: Place, numeric: Numeric
) -> dict[str, tuple[str, ...]]:
    """Kinds of evidence with their values; kinds without a value are left out."""
    shown = _error_text(failure, anatomy, place)
    authored = numeric.kind not in _OF_LIBRARIES
    marks = {
        "site": _site(anatomy, place),
        "expression": _expression(anatomy, place),
        "message": _message(anatomy) if authored else (),
        "named-cause": _named_cause(anatomy, place) if authored else (),
        "line": _line(failure, anatomy, place),
        "calls": _calls(place),
        "template": _template(anatomy) if authored else (),
        "cause": _cause(anatomy, place) if authored else (),
        "difference": (f"{numeric.difference:.6g}",) if numeric.difference else (),
        "factor": (f"{numeric.factor:.6g}",) if numeric.factor else (),
        "measured": _measured(numeric),
        "note": _notes(failure),
        "compared": _own_comparison(anatomy, place, kinds_compared),
        "values": _own_comparison(anatomy, place, telling_values),
        "given": () if place.is_product else _given(anatomy, place),
        "changed": _own_comparison(anatomy, place, changed_words),
        "none": none_from(anatomy.exception, anatomy.message, place.code),
        "subject": _subjects(shown),
        "missing": _missing(shown),
        "folder": _folders(shown),
        "named": _named(failure, anatomy),
        "state": _states(failure, anatomy, place, numeric),
        "process": looked_at((anatomy.message, *(frame.code or "" for frame in anatomy.frames[-2:]))),
    }
    return {kind: values for kind, values in marks.items() if values}


def _error_text(failure: Failure, anatomy: Anatomy, place: Place) -> str:
    """What the failure says in its own words: message, the failing line, what its process said."""
    reported = failure.chain[0].message if failure.chain else ""
    return "\n".join((anatomy.message, reported, place.code, anatomy.said))[:_LOOKED_AT]


def _site(anatomy: Anatomy, place: Place) -> tuple[str, ...]:
    """The very line that raised, where it is product code and no assertion of a test."""
    if not place.is_product:
        return ()
    return (f"{anatomy.exception} at {place}: {place.code}",)


def _expression(anatomy: Anatomy, place: Place) -> tuple[str, ...]:
    """The site, where the interpreter or a library failed in evaluating it: nobody chose to raise there."""
    site = _site(anatomy, place)
    return () if not place.code or _CHOSEN.match(place.code) else site


def _line(failure: Failure, anatomy: Anatomy, place: Place) -> tuple[str, ...]:
    """The assertion of the test itself that failed, whatever parameters and whichever class it ran with."""
    own = anatomy.frames[-1] if anatomy.frames else None
    if own is None or own.origin != "test" or not place.code.startswith("assert"):
        return ()
    if own.function != anatomy.test.rpartition("::")[2]:
        return ()  # a helper's assertion fails for many reasons
    return (f"{own.path}:{own.lineno or anatomy.test}: {own.function}: {place.code}",)


def _calls(place: Place) -> tuple[str, ...]:
    """Dotted names that the failing line of the test calls, where nothing of the product is on the stack."""
    return () if place.is_product else tuple(sorted(set(_CALL.findall(place.code[:2000]))))[:10]


def _measured(numeric: Numeric) -> tuple[str, ...]:
    """The largest errors and the tolerance, in numbers: too accidental for a hash, good to be read."""
    named = {"absolute": numeric.absolute, "relative": numeric.relative, "tolerance": numeric.tolerance}
    return tuple(f"{name} {value:.3g}" for name, value in named.items() if value is not None)


def _notes(failure: Failure) -> tuple[str, ...]:
    """What was added to the exceptions; examples that a generator of inputs adds are accidents."""
    notes = [note.strip().partition("\n")[0] for raised in failure.chain[:1] for note in raised.notes]
    return tuple(dict.fromkeys(masked(note) for note in notes if note and not _GENERATED.match(note)))[:5]


def _given(anatomy: Anatomy, place: Place) -> tuple[str, ...]:
    """Functions whose value was of another kind than the test needed."""
    compared = given(anatomy.message, place.code)
    return compared or misused(anatomy.exception, anatomy.message, place.code)


def _own_comparison(anatomy: Anatomy, place: Place, look: Callable[[str], str]) -> tuple[str, ...]:
    """What an assertion of the tests compared; those of the product are told apart by their own lines."""
    found = "" if place.is_product else look(anatomy.message)
    return (found,) if found else ()


def _message(anatomy: Anatomy) -> tuple[str, ...]:
    """A message that says something wherever it is raised."""
    return _telling(anatomy.exception, anatomy.message) if _is_raised(anatomy) else ()


def _named_cause(anatomy: Anatomy, place: Place) -> tuple[str, ...]:
    """The message, where its words are enough to hold failures at different places for one."""
    found = _message(anatomy)
    if not found or _mixes_dtypes(anatomy.message[:2000]):
        return ()  # which two precisions met says little: any operation may refuse them
    by_library = not place.is_product and bool(anatomy.frames) and anatomy.frames[-1].origin == "library"
    return found if by_library or names_its_cause(found[0].partition(": ")[2]) else ()


def _is_raised(anatomy: Anatomy) -> bool:
    """Whether somebody raised an exception with words of its own: no assertion of the test itself."""
    if anatomy.exception.rpartition(".")[2] != "AssertionError":
        return not anatomy.message.startswith(("assert ", "[XPASS"))
    return bool(anatomy.frames) and anatomy.frames[-1].origin in ("library", "product")


def _telling(exception: str, message: str) -> tuple[str, ...]:
    line = masked(message.strip().partition("\n")[0])
    return (f"{exception}: {line}",) if says_something(exception, line) else ()


def _template(anatomy: Anatomy) -> tuple[str, ...]:
    """The wording, for comparing it with others at the same place; none where nobody worded anything."""
    said = anatomy.said or anatomy.message.strip().partition("\n")[0]
    if anatomy.exception.rpartition(".")[2] in ("AssertionError", ""):
        said = anatomy.said or explicit_text(anatomy.message)
    return (template(masked(said)),) if said else ()


def _cause(anatomy: Anatomy, place: Place) -> tuple[str, ...]:
    """The innermost exception of the chain; of a failure without one, itself: so that both meet."""
    causes = [raised for raised in anatomy.chain if raised.relation in ("cause", "context")]
    if not causes:
        return _named_cause(anatomy, place)
    found = _telling(causes[-1].type, causes[-1].message)
    return found if found and names_its_cause(found[0].partition(": ")[2]) else ()


def _subjects(shown: str) -> tuple[str, ...]:
    """Attributes that the assertion looks at, with their class where the explanation has it."""
    objects = _ATTRIBUTE_OF_OBJECT.finditer(shown) if " object at 0x" in shown else ()
    found = {f"{match['cls']}.{match['attr']}" for match in objects}
    bare = {
        name
        for name in _ATTRIBUTE.findall(_NO_CODE.sub("<>", shown))
        if name not in _COMMON and not name.startswith(("test_", "assert"))
    }
    return tuple(sorted(found | bare))[:20]


def _missing(shown: str) -> tuple[str, ...]:
    """Relative paths and modules that the failure says are not there."""
    if not any(word in shown for word in _MISSING_SIGNS):
        return ()
    found: set[str] = set()
    there = _IS_THERE.search(shown) is not None
    for line in shown.splitlines():
        if _MISSING.search(line) and not (there and _ASKS.search(line)):
            found.update(path.removeprefix("./") for path in _RELATIVE.findall(line[:2000]))
            found.update(name.replace(".", "/") for name in _NO_MODULE.findall(line))
            found.update(path.removeprefix("./") for path in _NOT_THERE.findall(line))
    return tuple(sorted(path for path in found if not path.startswith("http")))[:20]


def _folders(shown: str) -> tuple[str, ...]:
    """Folders of files that are not there; temporary ones do not count."""
    found = {
        match["folder"]
        for match in _FOLDER.finditer(shown)
        if not match["folder"].startswith(("/tmp", "/var", "/private", "/dev"))
    }
    return tuple(sorted(found))[:5]


def _named(failure: Failure, anatomy: Anatomy) -> tuple[str, ...]:
    """Relative paths in the command of a process that ended badly and did not say why."""
    if anatomy.wrapper or not failure.chain or not is_process_end(failure.chain[0]):
        return ()
    return tuple(sorted(set(_RELATIVE.findall(anatomy.message[:2000]))))[:20]


def _mixes_dtypes(shown: str) -> bool:
    """Whether an operation was refused, or a comparison failed, because single met double precision."""
    if "loat" not in shown:
        return False
    return bool(_SINGLE.search(shown) and _DOUBLE.search(shown) and _REFUSES.search(shown))


def _states(failure: Failure, anatomy: Anatomy, place: Place, numeric: Numeric) -> tuple[str, ...]:
    states = []
    shown = _error_text(failure, anatomy, place)
    if moved_folder(failure):
        states.append("working directory moved")
    if _prints_other_default(failure, shown):
        states.append("default dtype is not float32")
    if _mixes_dtypes(anatomy.message[:2000]):
        states.append("float32 meets float64")
    if numeric.op in ("<", "<=", ">", ">=") and compares_time(failure.longrepr, place.code):
        states.append("compares a measured time with a limit")
    return tuple(states)


def _prints_other_default(failure: Failure, shown: str) -> bool:
    """Whether a tensor was printed with `dtype=torch.float32`, which torch leaves out where it is the
    default.

    Looked for in the message and in pytest's lines of arguments (`name = tensor(…)`), not in source code.
    """
    if "dtype=torch.float32" not in shown and "dtype=torch.float32" not in failure.longrepr:
        return False
    arguments = _ARGUMENT.findall(failure.longrepr[:_LOOKED_AT])
    return bool(_OTHER_DEFAULT.search("\n".join((shown, *arguments))))


def moved_folder(failure: Failure) -> bool:
    """Whether pytest showed the test's own file other than relative to the root it was collected from.

    pytest writes paths relative to the current directory; a test that changed it makes them absolute or
    climbing. A representation in Python's own style is always absolute and says nothing.
    """
    test_file = posix(failure.nodeid.partition("::")[0])
    if not test_file or test_file.startswith("/") or "/" not in test_file:
        return False
    if f"/{test_file}:" not in failure.longrepr:
        return False
    pattern = r"^(?P<before>\S*?)" + re.escape(test_file) + r":\d+: "
    places = [match["before"] for match in re.finditer(pattern, failure.longrepr, re.MULTILINE)]
    return bool(places) and all(before.startswith(("/", "../")) for before in places)
