"""Find what somebody may have meant by a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

_MOST_COMPARED = 5000
"""Names that are compared: more take longer than a person waits for an error."""


def suggestions(wrong: str, names: Iterable[str], most: int = 3) -> list[str]:
    """The names closest to a wrong one, nearest first; the same name in other case before all others."""
    from difflib import get_close_matches  # for errors alone: commands that make none need not wait for it

    known = list(dict.fromkeys(names))
    folded = wrong.casefold()
    in_other_case = [name for name in known if name.casefold() == folded]
    ends_alike = [name for name in known if len(wrong) > 3 and name.endswith(wrong)]
    close = get_close_matches(wrong, known[:_MOST_COMPARED], n=most)
    if "::" not in wrong:
        close += _by_their_ends(wrong, known[:_MOST_COMPARED], most)
    return list(dict.fromkeys((*in_other_case, *ends_alike, *close)))[:most]


def _by_their_ends(wrong: str, names: Iterable[str], most: int) -> list[str]:
    """Node ids whose own name is close to a name without its file."""
    from difflib import get_close_matches

    ends: dict[str, str] = {}
    for name in names:
        ends.setdefault(name.rpartition("::")[2], name)
    return [ends[end] for end in get_close_matches(wrong, ends, n=most)]


def did_you_mean(wrong: str, names: Iterable[str], *, otherwise: str, most: int = 3) -> str:
    """What to do next about a wrong name: `did you mean 'probe'?`, else the other advice."""
    found = [repr(name) for name in suggestions(wrong, names, most)]
    if not found:
        return otherwise
    *first, last = found
    listed = f"{', '.join(first)} or {last}" if first else last
    return f"did you mean {listed}?"
