"""Which pieces of changed state a test may read, by the names in the code that it runs. Pure.

To read `shop.MODE` some code that runs has to name `MODE`. So a test none of whose code does need not run
behind those that change it. That is an upper bound of what it reads in file order, but for what code of
libraries reads by a name that it computes, and for state that has no name: a hunt's other orders have to show
these. In another order a test may go another way. What turns it off its way is a read on this one, and what
it runs instead is mostly named here: functions count that it names and does not run, as where a cache was
filled.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

_COMPUTED = frozenset(
    {"getattr", "globals", "vars", "eval", "exec", "__dict__", "__import__", "import_module"}
)
"""Names with which code may read what it does not name."""
_ENVIRONMENT = frozenset(
    {
        "environ", "environb", "getenv", "getenvb", "expanduser", "expandvars",
        # other processes inherit it
        "Popen", "_execute_child", "fork_exec", "posix_spawn", "posix_spawnp", "system", "popen",
        # the library of C looks at TZ and LC_ALL
        "tzset", "tzname", "localtime", "mktime", "strftime", "now", "today", "fromtimestamp", "astimezone",
        "setlocale",
    }
)  # fmt: skip
"""Names with which variables of the environment are read."""
_LOGGING = frozenset({"logging", "getLogger", "Logger", "caplog"})
IMPORTED = "imported:"
"""Beginning of the keys of modules that were imported: who needs that somebody did so names them."""
_LOGGING_FILES = "logging/"
"""Where the code of loggers lies, whatever a suite calls them."""
_REWRITTEN_ASSERTS = frozenset(
    {
        "@py_builtins", "@pytest_ar", "_saferepr", "_should_repr_global_name", "_call_reprcompare",
        "_format_explanation", "_format_assertmsg", "_format_boolop", "_check_if_assertion_pass",
    }
)  # fmt: skip
"""Names that pytest writes into tests."""
_OF_BUILT_IN_TYPES = frozenset(
    name for kind in (list, dict, set, str, bytes, tuple, int, float, object) for name in dir(kind)
)
_LOOKING_OUTSIDE = frozenset({"open", "input", "print", "help", "breakpoint"})
"""Built-in functions that do."""
_HARMLESS = frozenset(dir(builtins)) - _COMPUTED - _LOOKING_OUTSIDE | _OF_BUILT_IN_TYPES | _REWRITTEN_ASSERTS
"""Names that say nothing of the world outside of the project."""


@dataclass(frozen=True)
class _Code:
    """One function that some test has entered."""

    function: str
    is_inside: bool
    names: frozenset[str]
    """Of variables and attributes."""
    texts: frozenset[str]
    """Texts in it that may name some: `getattr(shop, "MODE")`."""
    file: str


@dataclass(frozen=True)
class Reads:
    """What one test may read."""

    names: frozenset[str] | None = None
    """Of attributes of the project's modules and classes; None: any."""
    environment: bool = True
    """Variables of the environment."""
    logging: bool = True
    """Settings of loggers."""
    others: bool = True
    """Anything else outside of the project's modules: functions of libraries, files, the working folder."""

    def has(self, key: str, libraries: tuple[str, ...] = ()) -> bool:
        """Whether a piece of state is among it; `libraries` are beginnings of the keys of their functions."""
        is_own = key.startswith(("attr:", "module:")) and not key.startswith(libraries)
        if is_own or key.startswith(IMPORTED):
            name = key.partition(":")[2].rpartition(".")[2]
            return self.names is None or name in self.names
        if key.startswith("env:"):
            return self.environment
        if key.startswith("logging:"):
            return self.logging
        return self.others


@dataclass(frozen=True)
class Readers:
    """What the tests of one run may read."""

    codes: Mapping[int, _Code]
    of_tests: Mapping[str, frozenset[int]]
    """The codes of each test, with those of fixtures that it shares; tests not in it are unknown."""
    names_inside: frozenset[str] = frozenset()
    """Of the project's modules, and of what they define."""
    libraries: tuple[str, ...] = ()
    """Beginnings of the keys of functions of libraries, which libraries use, too."""

    @classmethod
    def of(cls, events: Sequence[Mapping[str, Any]], libraries: Iterable[str] = ()) -> Readers:
        """From the lines of the meter `references`; `libraries` are modules whose functions tests replace."""
        codes: dict[int, _Code] = {}
        fixtures: dict[int, frozenset[int]] = {}
        of_tests: dict[str, frozenset[int]] = {}
        inside: set[str] = set()
        for event in events:
            if event["event"] == "inside":
                inside.update(event["names"])
            elif event["event"] == "code":
                codes[event["number"]] = _Code(
                    function=event["function"],
                    is_inside=event["inside"],
                    names=frozenset(event["names"]),
                    texts=frozenset(event["texts"]),
                    file=event["file"],
                )
                if event["inside"]:
                    inside.add(event["function"])
            elif event["event"] == "fixture":
                fixtures[event["number"]] = frozenset(event["codes"])
        for event in events:
            if event["event"] == "test":
                shared = [fixtures[number] for number in event["fixtures"]]
                of_tests[event["nodeid"]] = frozenset(event["codes"]).union(*shared)
        keys = tuple(f"attr:{module}." for module in libraries)
        return cls(codes, of_tests, frozenset(inside), keys)

    def are_known(self, nodeid: str) -> bool:
        """Whether the test was followed."""
        return nodeid in self.of_tests

    def may_read_any(self, nodeid: str, keys: Iterable[str]) -> bool:
        """Whether a test may read any of these pieces of state."""
        reads = self.reads_of(nodeid)
        return any(reads.has(key, self.libraries) for key in keys)

    def reads_of(self, nodeid: str) -> Reads:
        """What a test may read; of one that was not followed everything is possible."""
        if nodeid not in self.of_tests:
            return Reads()
        codes = self.of_tests[nodeid]
        known = self._known.get(codes)
        if known is None:
            known = self._known[codes] = self._reads_of_codes(codes)
        return known

    # -- steps ----------------------------------------------------------------------------------

    def _reads_of_codes(self, codes: frozenset[int]) -> Reads:
        reached = [self.codes[number] for number in self._reached(codes)]
        names = frozenset[str]().union(*(code.names for code in reached))
        texts = frozenset[str]().union(*(code.texts for code in reached))
        outside = [self.codes[number] for number in self._outside(codes)]
        every_name = names.union(*(code.names for code in outside))
        return Reads(
            names=None if names & _COMPUTED else names | texts,
            environment=bool(every_name & _ENVIRONMENT),
            logging=bool(names & _LOGGING or any(code.file.startswith(_LOGGING_FILES) for code in outside)),
            others=bool(outside or names - _HARMLESS - self.names_inside),
        )

    @cached_property
    def _of_everybody(self) -> frozenset[int]:
        """Codes of libraries that run for every test: pytest calls them."""
        common = frozenset.intersection(*self.of_tests.values()) if len(self.of_tests) > 1 else frozenset()
        return frozenset(number for number in common if not self.codes[number].is_inside)

    @cached_property
    def _named(self) -> dict[str, list[int]]:
        """The project's codes by the name of their function."""
        found: dict[str, list[int]] = {}
        for number, code in self.codes.items():
            if code.is_inside:
                found.setdefault(code.function, []).append(number)
        return found

    @cached_property
    def _known(self) -> dict[frozenset[int], Reads]:
        return {}

    def _reached(self, codes: frozenset[int]) -> set[int]:
        """The project's code that a test runs, or names: another order may run that instead."""
        waiting = [number for number in codes if self.codes[number].is_inside]
        reached = set(waiting)
        names: set[str] = set()
        while waiting:
            code = self.codes[waiting.pop()]
            new = (code.names | code.texts) - names
            names |= new
            for name in new:
                further = [number for number in self._named.get(name, ()) if number not in reached]
                reached.update(further)
                waiting += further
        return reached

    def _outside(self, codes: frozenset[int]) -> list[int]:
        """Codes of libraries that ran for a test and not for every test."""
        return [
            number
            for number in codes
            if not self.codes[number].is_inside and number not in self._of_everybody
        ]
