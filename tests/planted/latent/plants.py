"""Generate latent flaky tests: green in file order as they stand, red under one stated factor.

A plant has files of its own, numbered, so that many of them make one suite without meeting. `suites` deals the
plants out; every second shape of each kind is held back (`unseen`), for a look after all tuning is over.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.planted.latent.states import STATES, State

FIRST, MIDDLE, LAST = "a", "m", "z"
"""Letters with which file names begin: they decide the file order."""


@dataclass(frozen=True)
class Latent:
    """One planted test and what a hunt should say of it; a decoy has no culprits."""

    name: str
    group: str
    subject: str
    files: dict[str, str]
    kinds: tuple[str, ...] = ()
    """Kinds of cause that are right."""
    culprits: tuple[frozenset[str], ...] = ()
    """Sets of culprits, any of which is right: each is to be named whole; parts of node ids or of factors."""
    others: tuple[str, ...] = field(default=())
    """Further tests with the same cause."""

    @property
    def is_decoy(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.culprits


def every_plant() -> list[Latent]:
    """All of them; one number each, whatever suite they are in."""
    made: list[Latent] = []
    for number, (build, argument) in enumerate(_recipes(), start=1):
        made.append(build(number, argument))
    return made


def halves() -> tuple[list[Latent], list[Latent]]:
    """Shapes to look at while working, and shapes to be seen at the end: every second of each group."""
    seen: list[Latent] = []
    unseen: list[Latent] = []
    count: dict[str, int] = {}
    for plant in every_plant():
        count[plant.group] = count.get(plant.group, 0) + 1
        (seen if count[plant.group] % 2 else unseen).append(plant)
    return seen, unseen


def files_of(plants: Sequence[Latent], filler: int = 20) -> dict[str, str]:
    """One suite of these plants, with sound tests that do nothing beside them."""
    files = {"pytest.ini": "[pytest]\ntestpaths = tests\n"}
    for plant in plants:
        files |= plant.files
    for number in range(0, filler, 10):
        tests = "".join(f"def test_{n}():\n    assert {n} >= 0\n\n\n" for n in range(10))
        files[f"tests/test_k_filler_{number:04}.py"] = tests.rstrip() + "\n"
    return files


# -- order ----------------------------------------------------------------------------------------


def _file(letter: str, number: int, role: str) -> str:
    return f"tests/test_{letter}_{number:03}_{role}.py"


def _module(imports: str, **tests: str) -> str:
    bodies = [
        f"def test_{name}():\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
        for name, body in tests.items()
    ]
    return imports + "\n\n" + "\n\n".join(bodies)


def _order(
    number: int,
    group: str,
    state: State,
    files: dict[str, str],
    victim: str,
    *culprits: frozenset[str],
    others: tuple[str, ...] = (),
) -> Latent:
    product = {f"app_{number}.py": state.product(number)} if state.needs_product else {}
    return Latent(
        f"{group}-{state.name}", group, victim, {**product, **files}, ("order-dependent", "working-directory"),
        culprits, others,
    )  # fmt: skip


def polluter_behind(number: int, state: State) -> Latent:
    """The polluter comes later in file order, in another file."""
    victim, polluter = _file(FIRST, number, "victim"), _file(LAST, number, "polluter")
    files = {
        victim: _module(state.imports(number), reads=f"assert {state.clean(number)}"),
        polluter: _module(state.imports(number), writes=state.dirty(number)),
    }
    return _order(
        number,
        "polluter-behind",
        state,
        files,
        f"{victim}::test_reads",
        frozenset({f"{polluter}::test_writes"}),
    )


def polluter_in_file(number: int, state: State) -> Latent:
    """The polluter comes later in the same file."""
    path = _file(MIDDLE, number, "both")
    files = {
        path: _module(
            state.imports(number), reads=f"assert {state.clean(number)}", writes=state.dirty(number)
        )
    }
    return _order(
        number, "polluter-in-file", state, files, f"{path}::test_reads", frozenset({f"{path}::test_writes"})
    )


def cleaned_between(number: int, state: State) -> Latent:
    """The polluter comes first, and a test between the two undoes what it did."""
    path = _file(MIDDLE, number, "cleaned")
    tests = {
        "writes": state.dirty(number),
        "undoes": state.undo(number),
        "reads": f"assert {state.clean(number)}",
    }
    files = {path: _module(state.imports(number), **tests)}
    return _order(
        number, "cleaned-between", state, files, f"{path}::test_reads", frozenset({f"{path}::test_writes"})
    )


def three_enough(number: int, state: State) -> Latent:
    """Each of three polluters is enough."""
    victim, polluters = _file(FIRST, number, "victim"), _file(LAST, number, "polluters")
    writes = {f"writes_{n}": state.dirty(number) for n in range(3)}
    files = {
        victim: _module(state.imports(number), reads=f"assert {state.clean(number)}"),
        polluters: _module(state.imports(number), **writes),
    }
    sets = [frozenset({f"{polluters}::test_{name}"}) for name in writes]
    return _order(number, "three-enough", state, files, f"{victim}::test_reads", *sets)


def two_together(number: int, state: State) -> Latent:
    """Two tests are needed together."""
    victim, polluters = _file(FIRST, number, "victim"), _file(LAST, number, "polluters")
    product = "LEFT = set()\n\n\ndef leave(what):\n    LEFT.add(what)\n"
    files = {
        f"app_{number}.py": product,
        victim: _module(f"import app_{number}", reads=f"assert len(app_{number}.LEFT) < 2"),
        polluters: _module(
            f"import app_{number}", one=f"app_{number}.leave('{state.name}')", two=f"app_{number}.leave(2)"
        ),
    }
    pair = frozenset({f"{polluters}::test_one", f"{polluters}::test_two"})
    return Latent(
        f"two-together-{state.name}",
        "two-together",
        f"{victim}::test_reads",
        files,
        ("order-dependent",),
        (pair,),
    )


def many_victims(number: int, state: State) -> Latent:
    """One polluter, five victims."""
    victims, polluter = _file(FIRST, number, "victims"), _file(LAST, number, "polluter")
    reads = {f"reads_{n}": f"assert {state.clean(number)}" for n in range(5)}
    files = {
        victims: _module(state.imports(number), **reads),
        polluter: _module(state.imports(number), writes=state.dirty(number)),
    }
    names = [f"{victims}::test_{name}" for name in reads]
    return _order(
        number,
        "many-victims",
        state,
        files,
        names[0],
        frozenset({f"{polluter}::test_writes"}),
        others=tuple(names[1:]),
    )


def brittle_in_file(number: int, state: State) -> Latent:
    """It needs what the test before it in its file has done."""
    path = _file(MIDDLE, number, "brittle")
    files = {
        path: _module(
            state.imports(number), sets=state.dirty(number), needs=f"assert not ({state.clean(number)})"
        )
    }
    return _order(
        number, "brittle-in-file", state, files, f"{path}::test_needs", frozenset({f"{path}::test_sets"})
    )


def brittle_elsewhere(number: int, state: State) -> Latent:
    """It needs what a test of an earlier file has done."""
    setter, victim = _file(FIRST, number, "setter"), _file(MIDDLE, number, "brittle")
    files = {
        setter: _module(state.imports(number), sets=state.dirty(number)),
        victim: _module(state.imports(number), needs=f"assert not ({state.clean(number)})"),
    }
    return _order(
        number,
        "brittle-elsewhere",
        state,
        files,
        f"{victim}::test_needs",
        frozenset({f"{setter}::test_sets"}),
    )


def chain_of_setters(number: int, state: State) -> Latent:
    """It needs two tests before it, the second of which builds on the first."""
    path = _file(MIDDLE, number, "chain")
    product = "STEPS = []\n"
    body = {
        "one": f"app_{number}.STEPS.append('{state.name}')",
        "two": f"if app_{number}.STEPS:\n    app_{number}.STEPS.append(2)",
        "needs": f"assert len(app_{number}.STEPS) == 2",
    }
    files = {f"app_{number}.py": product, path: _module(f"import app_{number}", **body)}
    pair = frozenset({f"{path}::test_one", f"{path}::test_two"})
    return Latent(
        f"chain-{state.name}", "chain-of-setters", f"{path}::test_needs", files, ("order-dependent",), (pair,)
    )


def not_idempotent(number: int, state: State) -> Latent:
    """The second time it finds what the first one left."""
    path = _file(MIDDLE, number, "twice")
    files = {
        path: _module(state.imports(number), once=f"assert {state.clean(number)}\n{state.dirty(number)}")
    }
    return _order(
        number, "not-idempotent", state, files, f"{path}::test_once", frozenset({f"{path}::test_once"})
    )


def only_behind_its_file(number: int, state: State) -> Latent:
    """It passes behind each test, and behind itself, but not behind its whole file."""
    path = _file(MIDDLE, number, "again")
    body = {
        "first": f"assert len(app_{number}.DONE) < 2\napp_{number}.DONE.add('{state.name}')",
        "second": f"if app_{number}.DONE:\n    app_{number}.DONE.add(2)",
    }
    files = {f"app_{number}.py": "DONE = set()\n", path: _module(f"import app_{number}", **body)}
    return Latent(
        f"again-{state.name}", "only-behind-its-file", f"{path}::test_first", files, ("order-dependent",),
        (frozenset({path}),),
    )  # fmt: skip


# -- surroundings -----------------------------------------------------------------------------------


def surroundings(number: int, shape: tuple[str, str, str, tuple[str, ...], str]) -> Latent:
    """A test body that depends on a factor; `shape` is group, name, imports and body, kinds, culprit."""
    group, name, text, kinds, culprit = shape
    imports, _, body = text.partition("---")
    path = _file(MIDDLE, number, name.replace("-", "_"))
    files = {path: _module(_imports(imports), it=body)}
    return Latent(f"{group}-{name}", group, f"{path}::test_it", files, kinds, (frozenset({culprit}),))


def _imports(names: str) -> str:
    return "\n".join(f"import {name}" for name in names.split())


def decoy(number: int, shape: tuple[str, str]) -> Latent:
    """A test that looks as if it depended on something and does not."""
    name, text = shape
    path = _file(MIDDLE, number, f"decoy_{name}".replace("-", "_"))
    return Latent(f"decoy-{name}", "decoy", f"{path}::test_it", {path: textwrap.dedent(text).lstrip()})


def _recipes() -> Iterator[tuple]:  # type: ignore[type-arg]
    """Builder and argument of each plant."""
    from tests.planted.latent.surroundings import DECOYS, SHAPES

    builders = (
        polluter_behind, polluter_in_file, cleaned_between, three_enough, two_together, many_victims, brittle_in_file,
        brittle_elsewhere, chain_of_setters, not_idempotent, only_behind_its_file,
    )  # fmt: skip
    for offset, build in enumerate(builders):
        shapes = 2 if build in (two_together, chain_of_setters, only_behind_its_file) else 4
        for turn in range(shapes):
            yield build, STATES[(offset + 3 * turn) % len(STATES)]
    for shape in SHAPES:
        yield surroundings, shape
    for shape in DECOYS:
        yield decoy, shape
