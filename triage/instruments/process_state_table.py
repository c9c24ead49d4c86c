"""Name each piece of process state that a test can leak, with the code that saves and restores it.

The code is source text: a repair writes it into a fixture of the user's suite, and the `state` instrument
runs the same lines in the process under test. What an experiment proved is therefore what the repair does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

SAVED = "BEFORE"
"""The variable that holds the saved value in the lines of every row."""

PLAIN_NAMES = {
    "cwd": "working_directory",
    "random.state": "random_numbers",
    "decimal.context": "decimal_context",
}
"""What people call a piece of state whose key says less."""

Shown = Literal["value", "presence", "nothing"]
"""What a reader may see of a value: a short text, that it is set (it may be a secret), or nothing."""


@dataclass(frozen=True)
class ProcessState:
    """One piece of process state, or a family of pieces that are saved and restored alike."""

    key: str
    """`cwd`; the key of a family ends with a colon: `env:` stands for `env:HOME` and every other variable."""
    imports: tuple[str, ...] = ()
    """Modules that the lines name."""
    save: tuple[str, ...] = ()
    """Lines that read the present value into `BEFORE`."""
    restore: tuple[str, ...] = ()
    """Lines that make `BEFORE` the present value again; several lines are one block."""
    context: str = ""
    """A context manager that saves and restores: what a fixture uses instead of the lines."""
    compared: str = SAVED
    """Expression over `BEFORE` whose value is comparable between two processes."""
    members: str = ""
    """Of a family: expression for the names that are present; empty where a reader has to search."""
    shown: Shown = "value"
    library: str = ""
    """An optional library: its state exists once something else has imported it."""
    folder: str = ""
    """Of a family of files: expression for the folder to which their names are relative."""
    no_fixture: str = ""
    """Why no fixture can restore it; empty where one can."""

    @property
    def is_family(self) -> bool:
        """Whether names are to be filled in before the lines can be run."""
        return self.key.endswith(":")


def _value(key: str, module: str, read: str, write: str, *, compared: str = SAVED) -> ProcessState:
    """A value that one expression reads and one statement writes."""
    return ProcessState(
        key=key, imports=(module,), save=(f"{SAVED} = {read}",), restore=(write,), compared=compared
    )


def _library_value(key: str, read: str, write: str, *, compared: str = SAVED) -> ProcessState:
    """A value of numpy or torch: `numpy.err` belongs to numpy."""
    library = key.partition(".")[0]
    return replace(_value(key, library, read, write, compared=compared), library=library)


_RESTORE_VARIABLE = (
    "if BEFORE is None:",
    "    os.environ.pop({name!r}, None)",
    "else:",
    "    os.environ[{name!r}] = BEFORE",
)
_RESTORE_ZONE = (*(line.format(name="TZ") for line in _RESTORE_VARIABLE), "time.tzset()")
_SAVE_FILE = (
    "path = pathlib.Path({folder}, {name!r})",
    "BEFORE = path.read_bytes() if path.is_file() else None",
)
_RESTORE_FILE = (
    "path = pathlib.Path({folder}, {name!r})",
    "if BEFORE is None:",
    "    path.unlink(missing_ok=True)",
    "else:",
    "    path.parent.mkdir(parents=True, exist_ok=True)",
    "    path.write_bytes(BEFORE)",
)

STATES: tuple[ProcessState, ...] = (
    # where the process is
    _value("cwd", "os", "os.getcwd()", "os.chdir(BEFORE)"),
    ProcessState(
        key="umask",
        imports=("os",),
        # the mask can only be read by setting another one
        save=("BEFORE = os.umask(0o022)", "os.umask(BEFORE)"),
        restore=("os.umask(BEFORE)",),
    ),
    ProcessState(
        key="env:",
        imports=("os",),
        members="list(os.environ)",
        save=("BEFORE = os.environ.get({name!r})",),
        restore=_RESTORE_VARIABLE,
        shown="presence",
    ),
    ProcessState(
        key="env:TZ",
        imports=("os", "time"),
        save=("BEFORE = os.environ.get('TZ')",),
        restore=_RESTORE_ZONE,
        shown="presence",
    ),
    ProcessState(
        key="time.tzname",
        imports=("os", "time"),
        save=("BEFORE = os.environ.get('TZ')",),
        restore=_RESTORE_ZONE,
        compared="time.tzname",
    ),
    ProcessState(
        key="locale:",
        imports=("locale",),
        members="('LC_CTYPE', 'LC_COLLATE', 'LC_TIME', 'LC_MONETARY', 'LC_NUMERIC')",
        save=("BEFORE = locale.setlocale(locale.{name})",),
        restore=("locale.setlocale(locale.{name}, BEFORE)",),
    ),
    ProcessState(
        key="signal:",
        imports=("signal",),
        members=("('SIGINT', 'SIGTERM', 'SIGALRM', 'SIGUSR1', 'SIGUSR2', 'SIGCHLD', 'SIGPIPE', 'SIGHUP')"),
        save=("BEFORE = signal.getsignal(signal.{name})",),
        restore=("signal.signal(signal.{name}, BEFORE)",),
    ),
    # the interpreter
    _value("sys.path", "sys", "sys.path[:]", "sys.path[:] = BEFORE"),
    _value("sys.argv", "sys", "sys.argv[:]", "sys.argv[:] = BEFORE"),
    _value("sys.recursionlimit", "sys", "sys.getrecursionlimit()", "sys.setrecursionlimit(BEFORE)"),
    _value("sys.switchinterval", "sys", "sys.getswitchinterval()", "sys.setswitchinterval(BEFORE)"),
    _value("sys.excepthook", "sys", "sys.excepthook", "sys.excepthook = BEFORE"),
    _value("int.max_str_digits", "sys", "sys.get_int_max_str_digits()", "sys.set_int_max_str_digits(BEFORE)"),
    ProcessState(
        key="module:",
        imports=("sys",),
        save=("BEFORE = sys.modules.get({name!r})",),
        restore=(
            "sys.modules.pop({name!r}, None)",
            "if BEFORE is not None:",
            "    sys.modules[{name!r}] = BEFORE",
        ),
    ),
    # what a module that was loaded anew defines: its functions and classes are other objects of the same
    # name, and who holds the first ones (`from shop import Basket`) has others now
    ProcessState(
        key="reload:",
        imports=("sys",),
        save=("module = sys.modules[{name!r}]", "BEFORE = module, dict(vars(module))"),
        restore=("vars(BEFORE[0]).update(BEFORE[1])",),
        compared="id(BEFORE[0].__spec__)",
    ),
    # `attr:package.module.NAME`: an attribute of a module or a class; what has to be saved (the reference, or
    # the contents of a list that others hold too) depends on the value: `contents.py` has the lines
    ProcessState(key="attr:"),
    # the standard library
    ProcessState(
        key="warnings.filters",
        imports=("warnings",),
        save=("BEFORE = warnings.filters[:]",),
        # the cache of filtered warnings is cleared by the same call that catch_warnings() makes
        restore=("warnings.filters[:] = BEFORE", "getattr(warnings, '_filters_mutated', lambda: None)()"),
        context="warnings.catch_warnings()",
        compared="[tuple(map(str, entry)) for entry in BEFORE]",
    ),
    replace(
        _value("random.state", "random", "random.getstate()", "random.setstate(BEFORE)"), shown="nothing"
    ),
    replace(
        _value(
            "decimal.context",
            "decimal",
            "decimal.getcontext().copy()",
            "decimal.setcontext(BEFORE.copy())",
            # flags say what was computed since: any rounded division sets them, and that is no leak
            compared="(lambda settings: settings.clear_flags() or repr(settings))(BEFORE.copy())",
        ),
        context="decimal.localcontext()",
    ),
    _value("gc.enabled", "gc", "gc.isenabled()", "(gc.enable if BEFORE else gc.disable)()"),
    _value("socket.timeout", "socket", "socket.getdefaulttimeout()", "socket.setdefaulttimeout(BEFORE)"),
    _value("tempfile.tempdir", "tempfile", "tempfile.tempdir", "tempfile.tempdir = BEFORE"),
    ProcessState(
        key="threads",
        imports=("threading", "contextlib"),
        save=("BEFORE = set(threading.enumerate())",),
        # by whatever method the thread's class has for it; one that does not listen stays
        restore=(
            "for thread in set(threading.enumerate()) - BEFORE:",
            "    for stop in ('cancel', 'stop', 'shutdown'):",
            "        with contextlib.suppress(Exception):",
            "            getattr(thread, stop, lambda: None)()",
            "    thread.join(1.0)",
        ),
        compared="sorted(t.name for t in BEFORE if t is not threading.main_thread())",
        no_fixture="a thread that does not stop by itself cannot be ended from outside",
    ),
    _value("logging.disable", "logging", "logging.root.manager.disable", "logging.disable(BEFORE)"),
    _value(
        "logging.raiseExceptions", "logging", "logging.raiseExceptions", "logging.raiseExceptions = BEFORE"
    ),
    ProcessState(
        key="logging:",
        imports=("logging",),
        # a name may be a placeholder for loggers below it, which has no state
        members=(
            "['root', *(name for name, logger in list(logging.root.manager.loggerDict.items())"
            " if isinstance(logger, logging.Logger))]"
        ),
        save=(
            "logger = logging.getLogger({name!r})",
            "BEFORE = logger.level, logger.disabled, logger.propagate, logger.handlers[:]",
        ),
        restore=(
            "logger = logging.getLogger({name!r})",
            "logger.setLevel(BEFORE[0])",
            "logger.disabled, logger.propagate, logger.handlers[:] = BEFORE[1:]",
        ),
        # pytest's own handlers come and go with each phase of a test
        compared=(
            "(*BEFORE[:3], [type(h).__name__ for h in BEFORE[3] if 'pytest' not in type(h).__module__])"
        ),
    ),
    # libraries, where they are loaded
    replace(
        _library_value(
            "numpy.random",
            "numpy.random.get_state()",
            "numpy.random.set_state(BEFORE)",
            compared="(BEFORE[0], BEFORE[1].tolist(), *BEFORE[2:])",
        ),
        shown="nothing",
    ),
    replace(
        _library_value("numpy.err", "numpy.geterr()", "numpy.seterr(**BEFORE)"),
        context="numpy.errstate()",
    ),
    replace(
        _library_value(
            "numpy.printoptions",
            "numpy.get_printoptions()",
            "numpy.set_printoptions(**BEFORE)",
            # a formatter is a dictionary of functions, which have no comparable text
            compared="{option: value for option, value in BEFORE.items() if option != 'formatter'}",
        ),
        context="numpy.printoptions()",
    ),
    _library_value(
        "torch.default_dtype",
        "torch.get_default_dtype()",
        "torch.set_default_dtype(BEFORE)",
        compared="str(BEFORE)",
    ),
    _library_value(
        "torch.default_device",
        "torch.empty(0).device",
        "torch.set_default_device(BEFORE)",
        compared="str(BEFORE)",
    ),
    replace(
        _library_value(
            "torch.random",
            "torch.get_rng_state()",
            "torch.set_rng_state(BEFORE)",
            compared="BEFORE.tolist()",
        ),
        shown="nothing",
    ),
    _library_value("torch.threads", "torch.get_num_threads()", "torch.set_num_threads(BEFORE)"),
    _library_value(
        "torch.deterministic",
        "torch.are_deterministic_algorithms_enabled()",
        "torch.use_deterministic_algorithms(BEFORE)",
    ),
    _library_value("torch.grad_enabled", "torch.is_grad_enabled()", "torch.set_grad_enabled(BEFORE)"),
    _library_value(
        "torch.anomaly", "torch.is_anomaly_enabled()", "torch.autograd.set_detect_anomaly(BEFORE)"
    ),
    _library_value(
        "torch.matmul_precision",
        "torch.get_float32_matmul_precision()",
        "torch.set_float32_matmul_precision(BEFORE)",
    ),
    # files of the suite, and of the temporary folder
    ProcessState(
        key="file:", imports=("pathlib", "os"), save=_SAVE_FILE, restore=_RESTORE_FILE, folder="os.curdir"
    ),
    ProcessState(
        key="tmp:",
        imports=("pathlib", "tempfile"),
        save=_SAVE_FILE,
        restore=_RESTORE_FILE,
        folder="tempfile.gettempdir()",
    ),
)
"""Every piece of process state that the `state` instrument reports."""

_BY_KEY = {state.key: state for state in STATES}


def state_of(name: str, folder: str | None = None) -> ProcessState | None:
    """Return the row of a name, with the name filled into its lines; None for a name that no row covers.

    `folder` replaces the expression for the folder of a family of files.
    """
    exact = _BY_KEY.get(name)
    if exact is not None and not exact.is_family:
        return exact
    kind, colon, member = name.partition(":")
    family = _BY_KEY.get(kind + colon)
    if family is None or not member:
        return None
    values = {"name": member, "folder": folder or family.folder}
    return replace(
        family,
        key=name,
        save=tuple(line.format(**values) for line in family.save),
        restore=tuple(line.format(**values) for line in family.restore),
    )


def in_words(key: str) -> str:
    """What a key names, as a sentence calls it: `the working directory`, `currency.options`, `MODE`."""
    plain = PLAIN_NAMES.get(key)
    if plain is not None:
        return f"the {plain.replace('_', ' ')}"
    kind, _, name = key.partition(":")
    if kind == "reload":
        return f"what {name} defines"
    return name if kind in ("attr", "env") and name else key
