"""What a polluter leaks, put back by an edit of its file: with `monkeypatch`, or in a fixture's teardown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import libcst as cst
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor

from triage.model.base import Value
from triage.probe.edits.monkeypatch import Monkeypatching
from triage.probe.sources import module_of


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


Edit = tuple[str, str]
"""What was done, and the whole text with it."""
_FIXTURE = "put_back"


def restored(
    source: str, nodeid: str, places: Sequence[str], usual: Sequence[str], files: Sequence[str] = ()
) -> Iterator[Edit]:
    """Edits of the test `nodeid`, the tidiest first, after which the leaked places should be as before.

    `usual` has the short text of each place as it is without the leak; `files` are those of the suite, which
    tell modules from classes. Nothing comes where the file cannot be parsed or the test is not in it.
    """
    module = module_of(source)
    if module is None:
        return
    path, _, inside = nodeid.partition("::")
    names = [part.partition("[")[0] for part in inside.split("::")]
    patched = module.visit(editor := Monkeypatching(names, places))
    if editor.complete:
        yield f"{names[-1]} takes back what it changes ({', '.join(places)})", patched.code
    steps = [put_back(place, text, path, files) for place, text in zip(places, usual, strict=True)]
    known = [step for step in steps if step is not None]
    if len(known) == len(places) and (text := _with_fixture(module, names, known)) is not None:
        yield f"a fixture puts {', '.join(places)} back after {names[-1]}", text


def _with_fixture(module: cst.Module, names: Sequence[str], steps: Sequence[PutBack]) -> str | None:
    name = _FIXTURE
    while name in module.code:
        name += "_again"
    decorated = module.visit(marker := _Marked(names, name))
    at = next((n for n, part in enumerate(decorated.body) if _name(part) == names[0]), None)
    if not marker.done or at is None:
        return None
    fixture = cst.parse_module(_fixture(name, steps)).body[0]
    assert isinstance(fixture, cst.FunctionDef)
    spaced = fixture.with_changes(leading_lines=decorated.body[at].leading_lines)
    following = decorated.body[at].with_changes(leading_lines=[cst.EmptyLine(indent=False)] * 2)
    body = [*decorated.body[:at], spaced, following, *decorated.body[at + 1 :]]
    context = CodemodContext()
    for needed in ("pytest", *(module for step in steps for module in step.imports)):
        AddImportsVisitor.add_needed_import(context, needed)
    changed = AddImportsVisitor(context).transform_module(decorated.with_changes(body=body))
    return changed.code


def _fixture(name: str, steps: Sequence[PutBack]) -> str:
    """The fixture's source: read everything, hand over, put everything back."""
    lines = [f"@pytest.fixture\ndef {name}():"]
    names = [step.declared for step in steps if step.declared]
    lines += [f"    global {', '.join(names)}"] if names else []
    for number, step in enumerate(steps):
        lines += [f"    {_numbered(line, number, steps)}" for line in step.before]
    contexts = [step.context for step in steps if step.context]
    lines += [f"    with {', '.join(contexts)}:", "        yield"] if contexts else ["    yield"]
    for number, step in enumerate(steps):
        lines += [f"    {_numbered(line, number, steps)}" for line in step.after]
    return "\n".join(lines) + "\n"


def _numbered(line: str, number: int, steps: Sequence[PutBack]) -> str:
    return line.replace("BEFORE", "before" if len(steps) == 1 else f"before_{number + 1}")


def _name(node: cst.CSTNode) -> str:
    return node.name.value if isinstance(node, cst.FunctionDef | cst.ClassDef) else ""


class _Marked(cst.CSTTransformer):
    """`@pytest.mark.usefixtures(...)` on one test."""

    def __init__(self, names: Sequence[str], fixture: str) -> None:
        super().__init__()
        self._names, self._stack, self.done = list(names), list[str](), False
        self._mark = cst.Decorator(cst.parse_expression(f'pytest.mark.usefixtures("{fixture}")'))

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._stack.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._stack.pop()
        return updated_node

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._stack.append(node.name.value)

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        here = self._stack == self._names
        self._stack.pop()
        if not here or self.done:
            return updated_node
        self.done = True
        return updated_node.with_changes(decorators=[self._mark, *updated_node.decorators])
