"""How a test's author would write down a piece of process state and put it back: lines of a fixture."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from triage.model.base import Value


class PutBack(Value):
    """Lines before and behind the `yield`; `BEFORE` stands for the variable that keeps the value."""

    imports: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    context: str = ""
    """A context manager that does both."""
    declared: str = ""
    """A global name of the file itself that is bound again."""


def put_back(place: str, usual: str, path: str, files: Sequence[str] = ()) -> PutBack | None:
    """The lines for a place, as `instrument.places` names it; None for one that no fixture can restore.

    `usual` is its value without the leak, as a short text; `path` the file that gets the fixture.
    """
    kind, _, name = place.partition(":")
    if place in _FIXED:
        return _FIXED[place]
    if kind == "attr":
        return _attribute(name, usual, path, files)
    maker = _NAMED.get(kind)
    return maker(name) if maker and name else None


def _kept(module: str, read: str, write: str) -> PutBack:
    return PutBack(imports=(module,), before=(f"BEFORE = {read}",), after=(write,))


def _variable(name: str) -> PutBack:
    back = (
        "if BEFORE is None:",
        f"    os.environ.pop({name!r}, None)",
        "else:",
        f"    os.environ[{name!r}] = BEFORE",
    )
    zone = name == "TZ"
    return PutBack(
        imports=("os", "time") if zone else ("os",),
        before=(f"BEFORE = os.environ.get({name!r})",),
        after=(*back, "time.tzset()") if zone else back,
    )


def _module(name: str) -> PutBack:
    return PutBack(
        imports=("sys",),
        before=(f"BEFORE = sys.modules.get({name!r})",),
        after=(
            f"sys.modules.pop({name!r}, None)",
            "if BEFORE is not None:",
            f"    sys.modules[{name!r}] = BEFORE",
        ),
    )


def _file(module: str, folder: str, name: str) -> PutBack:
    path = f"pathlib.Path({folder}, {name!r})"
    return PutBack(
        imports=tuple(dict.fromkeys(("pathlib", module))),
        before=(f"BEFORE = {path}.read_bytes() if {path}.is_file() else None",),
        after=(
            "if BEFORE is None:",
            f"    {path}.unlink(missing_ok=True)",
            "else:",
            f"    {path}.write_bytes(BEFORE)",
        ),
    )


def _logger(name: str) -> PutBack:
    logger = "logging.getLogger()" if name == "root" else f"logging.getLogger({name!r})"
    return PutBack(
        imports=("logging",),
        before=(
            f"logger = {logger}",
            "BEFORE = logger.level, logger.disabled, logger.propagate, logger.handlers[:]",
        ),
        after=(
            f"logger = {logger}",
            "logger.setLevel(BEFORE[0])",
            "logger.disabled, logger.propagate, logger.handlers[:] = BEFORE[1:]",
        ),
    )


def _attribute(name: str, usual: str, path: str, files: Sequence[str]) -> PutBack | None:
    module, _, inner = _split(name, files)
    if not module or not all(part.isidentifier() for part in name.split(".")):
        return None
    own = _is_module(module, path)
    target = inner if own else f"{module}.{inner}"
    imports = () if own else (module,)
    if "_lru_cache_wrapper" in usual:
        return PutBack(imports=imports, after=(f"{target}.cache_clear()",))
    for start, read, write in _CONTENTS:
        if re.match(start, usual):
            kept = f"BEFORE = {read.format(target)}"
            more = ("copy",) if "copy." in kept else ()
            return PutBack(
                imports=(*imports, *more), before=(kept,), after=tuple(w.format(target) for w in write)
            )
    declared = inner if own and "." not in inner else ""
    return PutBack(
        imports=imports, before=(f"BEFORE = {target}",), after=(f"{target} = BEFORE",), declared=declared
    )


def _split(name: str, files: Sequence[str]) -> tuple[str, str, str]:
    """Module and attribute of a dotted name; the longest prefix that is a file of the suite is the module."""
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        if any(_is_module(module, file) for file in files):
            return module, ".", ".".join(parts[cut:])
    return name.rpartition(".")


def _is_module(module: str, path: str) -> bool:
    stem = "/" + path.removesuffix(".py").removesuffix("/__init__")
    return path.endswith(".py") and stem.endswith("/" + module.replace(".", "/"))


_CONTENTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (r"\[", "copy.deepcopy({0})", ("{0}[:] = BEFORE",)),
    (
        r"\{\}|\{[^{}]*?: |(?:defaultdict|OrderedDict|Counter)\(",
        "copy.deepcopy(dict({0}))",
        ("{0}.clear()", "{0}.update(BEFORE)"),
    ),
    (r"\{|set\(\)", "set({0})", ("{0}.clear()", "{0}.update(BEFORE)")),
    (r"<\S+ object at ", "copy.deepcopy(vars({0}))", ("vars({0}).clear()", "vars({0}).update(BEFORE)")),
)
"""How the value reads, how its contents are kept, how they are put back in place."""

_NAMED: dict[str, Callable[[str], PutBack]] = {
    "env": _variable,
    "module": _module,
    "file": lambda name: _file("os", "os.curdir", name),
    "tmp": lambda name: _file("tempfile", "tempfile.gettempdir()", name),
    "logging": _logger,
    "locale": lambda name: _kept(
        "locale", f"locale.setlocale(locale.{name})", f"locale.setlocale(locale.{name}, BEFORE)"
    ),
    "signal": lambda name: _kept(
        "signal", f"signal.getsignal(signal.{name})", f"signal.signal(signal.{name}, BEFORE)"
    ),
}
_FIXED = {
    "cwd": _kept("os", "os.getcwd()", "os.chdir(BEFORE)"),
    "umask": PutBack(
        imports=("os",), before=("BEFORE = os.umask(0o022)", "os.umask(BEFORE)"), after=("os.umask(BEFORE)",)
    ),
    "sys.path": _kept("sys", "sys.path[:]", "sys.path[:] = BEFORE"),
    "sys.argv": _kept("sys", "sys.argv[:]", "sys.argv[:] = BEFORE"),
    "sys.recursionlimit": _kept("sys", "sys.getrecursionlimit()", "sys.setrecursionlimit(BEFORE)"),
    "sys.switchinterval": _kept("sys", "sys.getswitchinterval()", "sys.setswitchinterval(BEFORE)"),
    "sys.excepthook": _kept("sys", "sys.excepthook", "sys.excepthook = BEFORE"),
    "int.max_str_digits": _kept("sys", "sys.get_int_max_str_digits()", "sys.set_int_max_str_digits(BEFORE)"),
    "warnings.filters": PutBack(imports=("warnings",), context="warnings.catch_warnings()"),
    "decimal.context": PutBack(imports=("decimal",), context="decimal.localcontext()"),
    "random.state": _kept("random", "random.getstate()", "random.setstate(BEFORE)"),
    "gc.enabled": _kept("gc", "gc.isenabled()", "(gc.enable if BEFORE else gc.disable)()"),
    "socket.timeout": _kept("socket", "socket.getdefaulttimeout()", "socket.setdefaulttimeout(BEFORE)"),
    "tempfile.tempdir": _kept("tempfile", "tempfile.tempdir", "tempfile.tempdir = BEFORE"),
    "time.tzname": _variable("TZ"),
    "logging.disable": _kept("logging", "logging.root.manager.disable", "logging.disable(BEFORE)"),
    "logging.raiseExceptions": _kept(
        "logging", "logging.raiseExceptions", "logging.raiseExceptions = BEFORE"
    ),
    "numpy.random": _kept("numpy", "numpy.random.get_state()", "numpy.random.set_state(BEFORE)"),
    "numpy.err": PutBack(imports=("numpy",), context="numpy.errstate()"),
    "numpy.printoptions": PutBack(imports=("numpy",), context="numpy.printoptions()"),
    "torch.default_dtype": _kept("torch", "torch.get_default_dtype()", "torch.set_default_dtype(BEFORE)"),
    "torch.default_device": _kept("torch", "torch.empty(0).device", "torch.set_default_device(BEFORE)"),
    "torch.random": _kept("torch", "torch.get_rng_state()", "torch.set_rng_state(BEFORE)"),
    "torch.threads": _kept("torch", "torch.get_num_threads()", "torch.set_num_threads(BEFORE)"),
    "torch.deterministic": _kept(
        "torch", "torch.are_deterministic_algorithms_enabled()", "torch.use_deterministic_algorithms(BEFORE)"
    ),
    "torch.grad_enabled": _kept("torch", "torch.is_grad_enabled()", "torch.set_grad_enabled(BEFORE)"),
    "torch.anomaly": _kept(
        "torch", "torch.is_anomaly_enabled()", "torch.autograd.set_detect_anomaly(BEFORE)"
    ),
    "torch.matmul_precision": _kept(
        "torch", "torch.get_float32_matmul_precision()", "torch.set_float32_matmul_precision(BEFORE)"
    ),
}
