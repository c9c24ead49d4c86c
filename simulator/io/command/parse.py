"""Parse the words of a command line into the values of each option."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.config import SimulatorError
from simulator.io.command.flags import BY_NAME, Flag


@dataclass
class Given:
    """The options given.

    values  by the option's key
    order   the keys in the order of their last appearance
    """

    values: dict[str, list[float | int | str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def has(self, key: str) -> bool:
        """Whether the option appears."""
        return key in self.values

    def last_of(self, *keys: str) -> str | None:
        """The one of these options that was given last, or None."""
        for key in reversed(self.order):
            if key in keys:
                return key
        return None

    def last_number(self, *keys: str) -> float | None:
        """The first value of the one of these options that was given last, or None."""
        key = self.last_of(*keys)
        return None if key is None else self.maybe(key)

    def last_whole(self, *keys: str) -> int | None:
        """As `last_number`, for options that take a whole number."""
        key = self.last_of(*keys)
        return None if key is None else self.whole(key)

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
        """Its three values as numbers, or None."""
        if key not in self.values:
            return None
        x, y, z = self.values[key]
        return float(x), float(y), float(z)


def is_number(word: str) -> bool:
    """Whether a word reads as a number: -3 does, -N does not."""
    # Python also takes 1_000 and the digits of other scripts, which no other program reads.
    if not word.isascii() or "_" in word:
        return False
    try:
        float(word)
    except ValueError:
        return False
    return True


def _value(flag: Flag, name: str, word: str) -> float | int | str:
    """Read one value of the option written as `name`; raise a SimulatorError for one of another kind."""
    if flag.kind is str:
        return word
    if not is_number(word):
        raise SimulatorError(f"{name} takes a number ({flag.says}), got {word!r}")
    number = float(word)
    if not math.isfinite(number):
        raise SimulatorError(f"{name} is {word}: it must be a finite number ({flag.says})")
    if flag.kind is not int:
        return number
    if number != int(number):
        raise SimulatorError(f"{name} is {word}: it must be a whole number ({flag.says})")
    return int(number)


def _taken(flag: Flag, name: str, words: Sequence[str]) -> list[str]:
    """Take the values that follow: at least `least`, at most `most`, none of which is another option."""
    taken: list[str] = []
    for word in words[: flag.most]:
        enough = len(taken) >= flag.least
        if word in BY_NAME or (enough and not is_number(word)):
            break
        taken.append(word)
        # `-misset random` takes one word, `-misset 1 2 3` three.
        if flag.key == "misset" and not is_number(word):
            break
    if len(taken) < flag.least:
        wanted = f"{flag.least}" if flag.least == flag.most else f"{flag.least} to {flag.most}"
        raise SimulatorError(f"{name} takes {wanted} value(s) ({flag.says}), got {len(taken)}")
    return taken


def _unknown(word: str) -> SimulatorError:
    # Only here: a command without a mistake never loads it.
    import difflib

    close = difflib.get_close_matches(word, BY_NAME, n=1)
    hint = f"; did you mean {close[0]}?" if close else "; -help lists the options"
    kind = "unknown option" if word.startswith("-") else "unexpected value"
    return SimulatorError(f"{kind} {word!r}{hint}")


def parse(words: Sequence[str]) -> Given:
    """Read a command line; of an option given twice the last counts.

    Raises a SimulatorError for an unknown option, a value of the wrong kind, and contradictory options.
    """
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
    """Raise a SimulatorError for two different options of one group."""
    first_of_group: dict[str, str] = {}
    for key in given.order:
        flag = BY_NAME["-" + key]
        if not flag.group:
            continue
        name = flag.names[0]
        other = first_of_group.setdefault(flag.group, name)
        if other != name and not _agree(flag.group, given):
            raise SimulatorError(f"{other} contradicts {name}: give one {flag.group}")


def _agree(group: str, given: Given) -> bool:
    """Whether options of one group may stand together: of `-polar 0` and `-nopolar` the last counts."""
    return group == "polarisation" and given.number("polar", 0.0) == 0.0
