"""Say how a failure would have read before files of the project were renamed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, product
from typing import NamedTuple

from triage.model.failure import Failure, Frame, Raised
from triage.model.journal import Relocation
from triage.model.nodeid import file_of

_MOST_VARIANTS = 24
"""Combinations of earlier names that are tried: few files are in one failure, and few were renamed often."""

Replace = Callable[[str], str]


class AsBefore(NamedTuple):
    """A failure under earlier names."""

    failure: Failure
    used: tuple[Relocation, ...]
    """The renamings that were taken back."""


class EarlierNames:
    """Earlier names of files, by those that they have today; a file may have had several."""

    def __init__(self, relocations: Iterable[Relocation]) -> None:
        self._by_file: Mapping[str, list[Relocation]] = defaultdict(list)
        for moved in relocations:
            self._by_file[moved.new].append(moved)

    def variants(self, failure: Failure) -> Iterator[AsBefore]:
        """The failure under each combination of earlier names of its files; none where no file was moved."""
        files = [path for path in dict.fromkeys(files_of(failure)) if path in self._by_file]
        # the latest of the earlier names first
        choices = [[None, *reversed(self._by_file[path])] for path in files]
        chosen = (tuple(filter(None, choice)) for choice in product(*choices))
        for used in islice((moves for moves in chosen if moves), _MOST_VARIANTS):
            for modules in (_dotted_modules, _bare_modules):
                yield AsBefore(_under_earlier_names(failure, used, modules), used)


def files_of(failure: Failure) -> Iterator[str]:
    """The test's file and those of the frames."""
    yield file_of(failure.nodeid)
    for raised in failure.chain:
        for frame in raised.frames:
            yield frame.path


Modules = Callable[[Relocation], Iterable[tuple[str, str]]]
"""Names of the module that a renamed file is: now, and before."""


def _dotted_modules(moved: Relocation) -> Iterator[tuple[str, str]]:
    """From the root, and from each folder that both names share: any of them may be on the path."""
    new, old = _parts(moved.new), _parts(moved.old)
    shared = 0
    while shared < min(len(new), len(old)) - 1 and new[shared] == old[shared]:
        shared += 1
    for start in range(shared + 1):
        yield ".".join(new[start:]), ".".join(old[start:])


def _bare_modules(moved: Relocation) -> Iterator[tuple[str, str]]:
    """Without folders, as pytest names test modules that are in no package."""
    new, old = _parts(moved.new), _parts(moved.old)
    if new and old:
        yield new[-1], old[-1]


def _parts(path: str) -> list[str]:
    parts = path.removesuffix(".py").split("/")
    return parts[:-1] if parts[-1] == "__init__" else parts


def _under_earlier_names(failure: Failure, moves: Sequence[Relocation], modules: Modules) -> Failure:
    files = {moved.new: moved.old for moved in moves}
    names = dict(files)
    for moved in moves:
        names.update((now, before) for now, before in modules(moved) if now and before)
    replace = _replacement(tuple(names.items()))
    file, colons, test = failure.nodeid.partition("::")
    chain = tuple(_raised_before(raised, files, replace) for raised in failure.chain)
    return failure.model_copy(update={"chain": chain, "nodeid": files.get(file, file) + colons + test})


def _raised_before(raised: Raised, files: Mapping[str, str], replace: Replace) -> Raised:
    return raised.model_copy(
        update={
            "type": replace(raised.type),
            "message": replace(raised.message),
            "frames": tuple(_frame_before(frame, files, replace) for frame in raised.frames),
        }
    )


def _frame_before(frame: Frame, files: Mapping[str, str], replace: Replace) -> Frame:
    code = replace(frame.code) if frame.code else frame.code
    return frame.model_copy(update={"path": files.get(frame.path, frame.path), "code": code})


@cache
def _replacement(names: tuple[tuple[str, str], ...]) -> Replace:
    """Puts earlier names of files and modules into a text, where they stand as whole words."""
    earlier = dict(names)
    alternatives = "|".join(re.escape(name) for name in sorted(earlier, key=len, reverse=True))
    expression = re.compile(rf"(?<![\w./-])(?:{alternatives})(?!\w)")
    return lambda text: expression.sub(lambda found: earlier[found[0]], text)
