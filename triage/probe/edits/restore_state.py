"""Write edits of a polluting test's file that restore the process state which it leaks.

Two styles: the test's own statements through pytest's `monkeypatch`, or a fixture that saves and restores.
The lines of a fixture come from the tables of process state and of contents, which the `state` instrument
runs as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from triage.instruments.contents import CONTENTS, Kind
from triage.instruments.process_state_table import PLAIN_NAMES, SAVED, in_words, state_of
from triage.model.base import Value
from triage.model.nodeid import file_of, names_within
from triage.probe.edits.conftest import with_fixture_at_end
from triage.probe.edits.imports import group_of, own_packages
from triage.probe.edits.monkeypatch import Monkeypatching
from triage.probe.edits.used_fixture import using_fixture, with_used_fixture
from triage.probe.sources import literal_of, module_of
from triage.text.pattern import pattern

Edit = tuple[str, str]
"""What was done, and the whole text with it."""
_MOST_IN_NAME = 2
"""Pieces of state that the name of a fixture lists."""


_UNCHANGING = (str, bytes, int, float, complex, bool, type(None))


class Restoration(Value):
    """The parts of a fixture that saves and restores one piece of process state."""

    imports: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """Lines before the `yield`; `BEFORE` stands for the variable that holds the saved value."""
    after: tuple[str, ...] = ()
    """Lines behind the `yield`."""
    context: str = ""
    """A context manager around the `yield`, where it saves and restores by itself."""
    declared: str = ""
    """A global name of the file itself that is bound again."""


class _Fixture(NamedTuple):
    """A fixture before it is written."""

    name: str
    keys: Sequence[str]
    restorations: Sequence[Restoration]
    is_there: bool = False
    """Whether the file has it already: another test uses it."""
    decorator: str = "@pytest.fixture"
    when: str = "the test"


class _Look(NamedTuple):
    """How the short text of a value looks that has contents of one kind."""

    kind: Kind
    text: re.Pattern[str]


_LOOKS = (
    _Look(
        Kind.CACHE,
        pattern(
            r"_lru_cache_wrapper",
            matches=["<functools._lru_cache_wrapper object at 0x7f>"],
            rejects=["<function setting at 0x7f>"],
        ),
    ),
    _Look(
        Kind.CONTEXT_VARIABLE,
        pattern(
            r"^ <ContextVar[ ]",
            matches=["<ContextVar name='user' at 0x> with 'ann'"],
            rejects=["['<ContextVar name=']"],
        ),
    ),
    _Look(Kind.LIST, pattern(r"^ \[", matches=["[]", "['a']"], rejects=["([],)", "deque([])"])),
    _Look(
        Kind.SEQUENCE, pattern(r"^ deque \( \[", matches=["deque([1], maxlen=3)"], rejects=["[deque([])]"])
    ),
    _Look(
        Kind.MAPPING,
        pattern(
            r"""
            ^ (?: \{\}                                      # an empty dictionary
                | \{ [^{}]*? :[ ]                           # a first key and its colon
                | (?: defaultdict | OrderedDict | Counter ) \(
              )
            """,
            matches=["{}", "{'a': 1}", "Counter({'a': 2})"],
            rejects=["{1, 2}", "set()", "['a: b']"],
        ),
    ),
    _Look(
        Kind.SET, pattern(r"^ (?: \{ | set\(\) )", matches=["{1, 2}", "set()"], rejects=["frozenset({1})"])
    ),
    _Look(
        Kind.ATTRIBUTES,
        pattern(
            r"^ < \S+ [ ] object [ ] at [ ]",
            matches=["<shop.Registry object at 0x7f>"],
            rejects=["<function f at 0x7f>", "<class 'shop.Registry'>"],
        ),
    ),
)
"""Tried in this order: a dictionary with one key begins like a set."""


def restored(
    source: str, nodeid: str, keys: Sequence[str], usual: Sequence[str], files: Sequence[str] = ()
) -> Iterator[Edit]:
    """Yield edits of the test `nodeid`, the tidiest first, after which the leaked state should be as before.

    `keys` name the leaked state (rows of the table); `usual` has the short text of each as it is
    without the leak; `files` are those of the suite, which tell modules from classes. Yields nothing where
    the file cannot be parsed or the test is not in it.
    """
    module = module_of(source)
    path, names = file_of(nodeid), names_within(nodeid)
    if module is None or not names:
        return
    listed = ", ".join(in_words(key) for key in keys)

    editor = Monkeypatching(names, keys)
    patched = module.visit(editor)
    if editor.complete:
        yield f"{names[-1]} takes back what it changes ({listed})", patched.code

    restorations = []
    for key, text in zip(keys, usual, strict=True):
        restoration = restoration_of(key, text, path, files)
        if restoration is None:
            return
        restorations.append(restoration)
    fixture = _fixture_named(module, keys, restorations)
    if fixture.is_there:
        used = using_fixture(module, names, fixture.name)
        with_fixture = used.code if used is not None else None
    else:
        imports = [name for each in restorations for name in each.imports]
        with_fixture = with_used_fixture(module, names, _source_of(fixture), imports, own_packages(files))
    if with_fixture is not None:
        yield f"a fixture puts {listed} back after {names[-1]}", with_fixture


def restored_for_all(
    conftest: str, path: str, restorations: Sequence[tuple[str, Restoration]], files: Sequence[str]
) -> str | None:
    """The text of the `conftest.py` at this path with a fixture that every test beneath it uses.

    `restorations` are by the key that each restores. None where the text cannot be parsed.
    """
    module = module_of(conftest)
    if module is None:
        return None
    keys = [key for key, _ in restorations]
    made = _fixture_named(module, keys, [restoration for _, restoration in restorations])
    text = _source_of(made._replace(decorator="@pytest.fixture(autouse=True)", when="each test"))
    needed = dict.fromkeys(("pytest", *(name for each in made.restorations for name in each.imports)))
    own = own_packages(files)
    ordered = sorted(needed, key=lambda name: (group_of(name, own), name))
    return with_fixture_at_end(conftest, f"\n{text}", *ordered, own=own)


def restoration_of(key: str, usual: str, path: str, files: Sequence[str] = ()) -> Restoration | None:
    """Return what a fixture needs to restore a piece of process state; None where no fixture can.

    `usual` is its value without the leak, as a short text; `path` the file that gets the fixture; `files` are
    those of the suite.
    """
    kind, _, name = key.partition(":")
    if kind == "attr":
        return _attribute(name, usual, path, files)
    state = state_of(key)
    if state is None or state.no_fixture:
        return None
    if state.context:
        return Restoration(imports=state.imports, context=state.context)
    return Restoration(imports=state.imports, before=state.save, after=state.restore)


def _attribute(name: str, usual: str, path: str, files: Sequence[str]) -> Restoration | None:
    """The restoration of an attribute: of the contents of a mutable object, else of the name."""
    module, inner = module_and_attribute(name, files)
    if not module or not all(part.isidentifier() for part in name.partition("[")[0].split(".")):
        return None
    is_own = is_module_of(module, path)
    target = inner if is_own else f"{module}.{inner}"
    imports = () if is_own else (module,)
    kind = kind_of_contents(usual)
    if kind is not None:
        contents = CONTENTS[kind].flat if _is_flat(usual) else CONTENTS[kind]
        save, restore = contents.lines_for(target)
        return Restoration(imports=(*imports, *contents.imports), before=save, after=restore)
    # an assignment in the fixture would make a local variable of a name of its own file
    declared = inner if is_own and "." not in inner else ""
    return Restoration(
        imports=imports, before=(f"{SAVED} = {target}",), after=(f"{target} = {SAVED}",), declared=declared
    )


def kind_of_contents(usual: str) -> Kind | None:
    """What kind of contents a value has, by its short text; None where the name alone is to be restored."""
    for look in _LOOKS:
        if look.text.search(usual):
            return look.kind
    return None


def _is_flat(usual: str) -> bool:
    """Whether a short text shows the whole of a list or a dictionary, and nothing in it can change."""
    value = literal_of(usual)
    items = value.values() if isinstance(value, dict) else value
    return isinstance(items, Iterable) and all(isinstance(item, _UNCHANGING) for item in items)


def module_and_attribute(name: str, files: Sequence[str]) -> tuple[str, str]:
    """Module and attribute of a dotted name; the longest prefix that is a file of the suite is the module.

    The attribute may be one of an object within a container: `FORMATS['de'].digits`.
    """
    name, bracket, item = name.partition("[")
    if bracket:
        module, container = module_and_attribute(name, files)
        return module, f"{container}[{item}"
    parts = name.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        if any(is_module_of(module, file) for file in files):
            return module, ".".join(parts[cut:])
    module, _, inner = name.rpartition(".")
    return module, inner


def is_module_of(module: str, path: str) -> bool:
    """Whether a file is that module; how far up its packages go is not known."""
    stem = "/" + path.removesuffix(".py").removesuffix("/__init__")
    return path.endswith(".py") and stem.endswith("/" + module.replace(".", "/"))


def _fixture_named(module: cst.Module, keys: Sequence[str], restorations: Sequence[Restoration]) -> _Fixture:
    """A fixture whose name says what it restores: `restored_shop_sale`.

    One that the file has already is used again; a name that stands for something else gets a number.
    """
    words = [PLAIN_NAMES.get(key, re.split(r"[.:]", key)[-1]) for key in keys]
    told = "_and_".join(words) if len(words) <= _MOST_IN_NAME else "state"
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", told)  # partPrecision is part_precision
    name = "restored_" + re.sub(r"\W+|_+", "_", separated).strip("_").lower()
    made = _Fixture(name, keys, restorations)
    functions = {part.name.value: part for part in module.body if isinstance(part, cst.FunctionDef)}
    number = 1
    while made.name in functions:
        code = module.code_for_node(functions[made.name].with_changes(leading_lines=[]))
        if code == _source_of(made):
            return made._replace(is_there=True)
        number += 1
        made = made._replace(name=f"{name}_{number}")
    return made


def _source_of(made: _Fixture) -> str:
    """The fixture's source: save everything, yield, restore everything."""
    restorations = made.restorations
    restored = " and ".join(in_words(key) for key in made.keys)
    docstring = f'    """Restore {restored} after {made.when}."""'
    lines = [made.decorator, f"def {made.name}():", docstring]
    declared = [restoration.declared for restoration in restorations if restoration.declared]
    if declared:
        lines.append(f"    global {', '.join(declared)}")
    for number, restoration in enumerate(restorations, start=1):
        variable = "before" if len(restorations) == 1 else f"before_{number}"
        lines += [f"    {line.replace(SAVED, variable)}" for line in restoration.before]
    contexts = [restoration.context for restoration in restorations if restoration.context]
    if contexts:
        lines += [f"    with {', '.join(contexts)}:", "        yield"]
    else:
        lines.append("    yield")
    for number, restoration in enumerate(restorations, start=1):
        variable = "before" if len(restorations) == 1 else f"before_{number}"
        lines += [f"    {line.replace(SAVED, variable)}" for line in restoration.after]
    return "\n".join(lines) + "\n"
