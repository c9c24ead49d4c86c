"""From the words of a command line to the values of each option."""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.config import SimulatorError
from simulator.io.command.flags import BY_NAME, Flag

NEIGHBOURS = {
    "polarisation": lambda flags: flags.get("polar", [0.0]) == [0.0],
}
"""Groups whose members may stand together when the rule holds."""


@dataclass
class Given:
    """What the user wrote: values by option key, and the option keys in the order of their last
    appearance."""

    values: dict[str, list[float | int | str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def has(self, key: str) -> bool:
        """Whether the option appears."""
        return key in self.values

    def number(self, key: str, default: float) -> float:
        """Its first value as a number."""
        return float(self.values[key][0]) if key in self.values else default

    def maybe(self, key: str) -> float | None:
        """Its first value as a number, or None."""
        return float(self.values[key][0]) if key in self.values else None

    def whole(self, key: str) -> int | None:
        """Its first value as a whole number, or None."""
        return int(self.values[key][0]) if key in self.values else None

    def text(self, key: str) -> str | None:
        """Its first value as text, or None."""
        return str(self.values[key][0]) if key in self.values else None

    def triple(self, key: str) -> tuple[float, float, float] | None:
        """Three numbers, or None."""
        if key not in self.values:
            return None
        x, y, z = (float(value) for value in self.values[key])
        return x, y, z


def is_number(word: str) -> bool:
    """Whether a word reads as a number (-3 does, -N does not; nor does what only Python takes, as 1_000)."""
    if not word.isascii() or "_" in word:
        return False
    try:
        float(word)
    except ValueError:
        return False
    return True


def _value(flag: Flag, name: str, word: str) -> float | int | str:
    if flag.kind is str:
        return word
    if not is_number(word):
        raise SimulatorError(f"{name} takes a number ({flag.says}), got {word!r}")
    number = float(word)
    if not math.isfinite(number):
        raise SimulatorError(f"{name} is {word}: it must be a finite number ({flag.says})")
    if flag.kind is int:
        if number != int(number):
            raise SimulatorError(f"{name} is {word}: it must be a whole number ({flag.says})")
        return int(number)
    return number


def _taken(flag: Flag, name: str, words: Sequence[str]) -> list[str]:
    """The values that follow: at least `least`, at most `most`, none of which is another option."""
    taken: list[str] = []
    for word in words[: flag.most]:
        if word in BY_NAME or (len(taken) >= flag.least and not is_number(word)):
            break
        taken.append(word)
        if flag.key == "misset" and not is_number(word):
            break
    if len(taken) < flag.least:
        wanted = f"{flag.least}" if flag.least == flag.most else f"{flag.least} to {flag.most}"
        raise SimulatorError(f"{name} takes {wanted} value(s) ({flag.says}), got {len(taken)}")
    return taken


def _unknown(word: str) -> SimulatorError:
    close = difflib.get_close_matches(word, BY_NAME, n=1)
    hint = f"; did you mean {close[0]}?" if close else "; -help lists the options"
    kind = "unknown option" if word.startswith("-") else "unexpected value"
    return SimulatorError(f"{kind} {word!r}{hint}")


def parse(words: Sequence[str]) -> Given:
    """Read a command line. Of an option given twice the last counts; contradictory options are an error."""
    given = Given()
    position = 0
    while position < len(words):
        name = words[position]
        if name not in BY_NAME:
            raise _unknown(name)
        flag = BY_NAME[name]
        taken = _taken(flag, name, words[position + 1 :])
        given.values[flag.key] = [_value(flag, name, word) for word in taken]
        if flag.key in given.order:
            given.order.remove(flag.key)
        given.order.append(flag.key)
        position += 1 + len(taken)
    _contradictions(given)
    return given


def _contradictions(given: Given) -> None:
    groups: dict[str, str] = {}
    for key in given.order:
        flag = BY_NAME["-" + key]
        if not flag.group:
            continue
        other = groups.setdefault(flag.group, flag.names[0])
        allowed = NEIGHBOURS.get(flag.group)
        if other != flag.names[0] and not (allowed and allowed(given.values)):
            raise SimulatorError(f"{other} contradicts {flag.names[0]}: give one {flag.group}")
