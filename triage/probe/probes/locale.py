"""Test whether the locale or the default encoding decides: decimal commas, collation, undecodable text."""

from __future__ import annotations

import re
from itertools import islice

from triage.model.experiment import Factor, RootCause
from triage.probe.api import Case, Finding, Steps
from triage.probe.symptoms import is_surveyed, message_of, own_places, places, uses
from triage.probe.treatment import Treatment, settle
from triage.text.pattern import pattern

_ENCODING_ERROR = pattern(
    r"""
    Unicode (?: De | En ) codeError     # Python's own exceptions
    | codec [ ] can't                   # ... and how their messages begin
    | surrogate
    | locale\.Error | unsupported [ ] locale
    """,
    matches=["UnicodeDecodeError: 'ascii'", "'utf-8' codec can't encode", "locale.Error: unsupported"],
    rejects=["assert 'a' == 'b'", "the code can't run"],
    flags=re.IGNORECASE,
)
_LOCALE_WORDS = pattern(
    r"""
    locale | coll (?: ate | ation ) | strcoll | strxfrm
    | strftime | strptime                 # names of days and months
    | :n\}  | ,[ ]*["']n["']               # numbers as the locale writes them
    | encod | decod | stdout | print\(    # text that leaves the process
    | ctypes | cffi                       # C code asks where nobody sees it
    """,
    matches=["import locale", "'{:n}'.format(x)", 'format(x, "n")', "d.strftime('%a')", "s.encode()"],
    rejects=["total += price", "return n"],
)
"""Words in the sources of a suite that something about it may depend on a locale."""
_MOST_FILES = 400
"""Sources that are read in search of them."""
_LOCALES = ("C.UTF-8", "en_US.UTF-8", "C", "de_DE.UTF-8")
"""A plain one with UTF-8, a usual one, the plainest, and one with decimal commas."""


def names_an_encoding_error(case: Case) -> bool:
    """Whether the failure speaks of an encoding or a locale that is not there."""
    return _ENCODING_ERROR.search(message_of(case)) is not None


def asks_for_the_locale(case: Case) -> bool:
    """Whether a steady failure's test reads the locale."""
    return not case.flaky and bool(uses(case, "locale"))


def reads_text_with_a_locale_set(case: Case) -> bool:
    """Whether the test opens files while the suite's settings name a locale."""
    return reads_text(case) and _has_locale(case)


def reads_text(case: Case) -> bool:
    """Whether a steady failure's test opens files or decodes text."""
    return not case.flaky and bool(uses(case, "file", "text"))


def has_a_locale_set(case: Case) -> bool:
    """Whether the settings name a locale, the failure is steady, and something may depend on a locale.

    Not every use shows in a trace (`format(x, "n")` asks for it in C), so the sources count as well.
    """
    if case.flaky or not _has_locale(case):
        return False
    used = uses(case, "locale", "file", "text", "process")
    return bool(used) or not is_surveyed(case) or _sources_name_a_locale(case)


def _sources_name_a_locale(case: Case) -> bool:
    python = islice((path for path in case.files if path.endswith(".py")), _MOST_FILES)
    return any(_LOCALE_WORDS.search(case.source(path) or "") for path in python)


def _has_locale(case: Case) -> bool:
    return any(name == "LANG" or name.startswith("LC_") for name in case.env)


class Locale:
    """Run under other locales, and with Python's UTF-8 mode on and off."""

    name = "locale"

    def investigate(self, case: Case) -> Steps:
        """Try each locale; where none helps, an encoding error is still a likely cause."""
        treatments = [
            _with_variable(case, "LC_ALL", name) for name in _LOCALES if case.env.get("LC_ALL") != name
        ]
        treatments += [_with_variable(case, "PYTHONUTF8", value) for value in ("1", "0")]
        found = yield from settle(self.name, case, treatments, "in another locale")
        if found is not None:
            return found
        if names_an_encoding_error(case):
            lines = own_places(case, 1)
            summary = f"it needs a locale or an encoding that is not here: {case.failure.message[:150]}"
            cause = RootCause(kind="locale", summary=summary, culprits=lines, confidence="likely")
            return Finding(cause=cause, facts={"tried": treatments})
        return Finding(excluded="no other locale or encoding helps", facts={"tried": treatments})


def _with_variable(case: Case, name: str, value: str) -> Treatment:
    before = case.env.get(name)
    shown = "unset" if before is None else repr(before)
    return Treatment(
        factor=Factor(kind="env", name=name, from_=before, to=value),
        kind="locale",
        baseline=case.base,
        treated=case.base.plus(env={name: value}),
        prediction=f"With {name}={value} the test passes: it assumes a locale or an encoding.",
        summary=f"the test passes with {name}={value} and fails with {name} {shown}",
        culprits=(name, *places(uses(case, "locale"))),
    )
