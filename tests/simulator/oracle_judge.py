"""Judge a command: run it, let the oracle compute the same, and compare exit code, image and every file."""

import contextlib
import io
import os
import re
from pathlib import Path

import numpy as np

from simulator.__main__ import main
from tests.simulator.oracle import image
from tests.simulator.oracle_command import experiment
from tests.simulator.oracle_crystal import cache_bytes, reflections
from tests.simulator.oracle_files import files
from tests.simulator.oracle_settings import CACHE, Refused, refuse_unless
from tests.simulator.random_commands import command, write_inputs

TOLERANCE = 1e-9
"""Largest difference of a pixel, of the image's maximum."""

CLOCK = 77
"""The time of day, s, that seeds what has no seed."""

CACHED = "-cell 50 -hkl some.hkl -default_F 3"
"""A command that leaves a cache of reflections."""

NUMPY_FILE = "judged.npy"

REFUSED = 2
"""Exit code of a request that cannot be met."""


class Bench:
    """A folder with the input files, in which commands are run one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_inputs(folder)
        self.refused = False
        """Whether the oracle refused the last command."""
        self.inputs = {path.name for path in folder.iterdir()}
        _, settings = experiment(CACHED.split(), folder, clock=1)
        low, high, table = reflections(settings)
        assert table is not None
        self.cache = cache_bytes(low, high, table, settings.default_F)

    def judge_number(self, number: int) -> str | None:
        """Judge the command of this number; every seventh finds a cache of reflections in its folder."""
        self.clear()
        words = command(number, self.folder, CLOCK)
        wrong = self.judge(words, CLOCK, cached=number % 7 == 0)
        return None if wrong is None else f"command {number}: {' '.join(words)}\n    {wrong}"

    def new_files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()} - self.inputs

    def clear(self) -> None:
        for name in self.new_files():
            (self.folder / name).unlink()

    def judge(self, words: list[str], clock: int = CLOCK, *, cached: bool = False) -> str | None:
        """What is wrong with the command; None: nothing. `cached`: it finds a cache of reflections."""
        self.clear()
        self.refused = False
        if cached:
            (self.folder / CACHE).write_bytes(self.cache)
        try:
            expected, settings = experiment(words, self.folder, clock)
            right = image(expected)
            refuse_unless(right.max() <= np.finfo(np.float32).max, "pixels beyond float32")
        except Refused as refusal:
            self.refused = True
            return self.judge_refused(words, clock, str(refusal))
        code, said = self.run(words, clock)
        if code != 0:
            return f"exit code {code}, expected 0: {said}"
        found = np.load(self.folder / NUMPY_FILE)
        wrong = wrong_image(right, found)
        if wrong is not None:
            return wrong
        contents = files(expected, settings, found, clock)
        if cached:
            contents.setdefault(Path(CACHE), self.cache)
        return self.wrong_files(contents)

    def run(self, words: list[str], clock: int) -> tuple[int, str]:
        """The command's exit code and what it says."""
        said, before = io.StringIO(), Path.cwd()
        os.chdir(self.folder)
        try:
            with contextlib.redirect_stderr(said):
                code = main([*words, "-npyfile", NUMPY_FILE], clock=clock)
        finally:
            os.chdir(before)
        return code, said.getvalue()

    def judge_refused(self, words: list[str], clock: int, why: str) -> str | None:
        """A refused command says one line and leaves no file."""
        code, said = self.run(words, clock)
        if code != REFUSED:
            return f"exit code {code}, expected 2 ({why})"
        lines = [line for line in said.splitlines() if not re.match("note: |warning: ", line)]
        if len(lines) != 1 or not lines[0].startswith("error: "):
            return f"not one line of error: {said}"
        left = self.new_files() - {CACHE}
        return f"it left {left}" if left else None

    def wrong_files(self, expected: dict[Path, bytes | None]) -> str | None:
        """Names and bytes of all files, as they follow from the image that was found."""
        right = {str(path): content for path, content in expected.items()}
        names = self.new_files() - {NUMPY_FILE}
        if names != set(right):
            return f"files {sorted(names)}, expected {sorted(right)}"
        for name, content in right.items():
            raw = (self.folder / name).read_bytes()
            if content is not None and raw != content and not same_but_digits(raw, content):
                return f"{name} holds other bytes: {raw[:900]!r}, expected {content[:900]!r}"
        return None


def wrong_image(right: np.ndarray, found: np.ndarray) -> str | None:
    """How the image found differs from the right one; None: it does not."""
    if found.shape != right.shape:
        return f"shape {found.shape}, expected {right.shape}"
    off = np.abs(found - right).max() / (np.abs(right).max() or 1.0)
    # Written so that a NaN is wrong too.
    return None if off <= TOLERANCE else f"the image differs by {off:.3g} of its maximum"


def same_but_digits(raw: bytes, content: bytes) -> bool:
    """Whether two SMV files differ only in the last of the six digits of a number in the header."""
    if not (raw.startswith(b"{") and content.startswith(b"{")):
        return False
    (head, pixels), (other_head, other_pixels) = _apart(raw), _apart(content)
    if pixels != other_pixels:
        return False
    numbers, others = numbers_in(head), numbers_in(other_head)
    return len(numbers) == len(others) and np.allclose(numbers, others, rtol=2e-5, atol=1e-9)


def _apart(smv: bytes) -> tuple[bytes, bytes]:
    """The header without its length, and the pixels behind it.

    A number that round-off makes 1.7e-15 instead of 0 may lengthen a header from 512 bytes to 1024.
    """
    found = re.match(rb"\{\nHEADER_BYTES=([0-9]+);", smv)
    assert found is not None
    length = int(found[1])
    return smv[found.end() : length], smv[length:]


def numbers_in(head: bytes) -> list[float]:
    return [float(word) for word in re.findall(rb"[-+0-9.]+(?:e[-+][0-9]+)?", head) if word.strip(b"-+.")]
