"""Compile the kernel: for the processor of this machine, or for all processors of its architecture.

Needs the standard library alone, because hatch's build hook (`hatch_build.py`) loads this file by its path,
where no package `simulator` can be imported.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

UNITS = {
    "kernel.c": "-ffp-contract=fast",
    "noise.c": "-ffp-contract=off",
    "convert.c": "-ffp-contract=off",
}
"""Each source with its own flag: a fused multiply-add would change the reference's noise and counts."""

DISPATCH = "dispatch.c"
"""The source that chooses among variants, in a library for all processors."""

COMPILERS = ("cc", "gcc", "clang")

FLAGS = (
    "-O3",
    "-std=gnu11",
    "-fPIC",
    # Without these two, rounding and square roots are library calls, and loops over pixels no vector code.
    "-fno-math-errno",
    "-fno-trapping-math",
)

FUNCTIONS = ("image_f64", "image_f32", "pullback_f64", "pullback_f32")
"""What kernel.c exports."""

LEVELS = {"v2": "-march=x86-64-v2", "v3": "-march=x86-64-v3", "v4": "-march=x86-64-v4"}
"""Variants of a library for all x86-64 processors since 2009, and their flags; as in dispatch.c.

The second has fused multiply-adds and vectors of 256 bits, the third of 512.
"""

BUILD_SECONDS = 600
"""A compiler that takes longer is given up. It needs ten seconds a variant, a minute on a busy machine."""


def compiler(environ: Mapping[str, str]) -> str | None:
    """Path of the C compiler: CC if set, else the first one found; None: there is none."""
    wanted = [environ["CC"]] if environ.get("CC") else COMPILERS
    for name in wanted:
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return found
    return None


def compile_native(cc: str, source: Path, made: Path, variant: tuple[str, ...]) -> str:
    """Compile each unit and link them; return the first line of the compiler's message, "" on success."""
    objects = []
    for unit, flag in UNITS.items():
        compiled = made.with_name(f"{unit}.o")
        message = _object(cc, source / unit, compiled, [*variant, flag])
        if message:
            return message
        objects.append(compiled)
    return _link(cc, objects, made, variant)


def compile_portable(cc: str, source: Path, made: Path, levels: Sequence[str]) -> str:
    """Compile the kernel once a level, and what chooses among them; return as `compile_native`.

    `levels` are names in LEVELS; none: one variant for the plain architecture. With OpenMP where the compiler
    has it.
    """
    variants = [(level, [LEVELS[level]]) for level in levels] or [("base", [])]
    message = ""
    for openmp in (("-fopenmp",), ()):
        message = _portable(cc, source, made, variants, openmp)
        if not message:
            break
    return message


def _portable(
    cc: str,
    source: Path,
    made: Path,
    variants: Sequence[tuple[str, list[str]]],
    openmp: tuple[str, ...],
) -> str:
    """Compile all variants with or without OpenMP, and link them."""
    objects = []
    present = []
    for name, march in variants:
        compiled = made.with_name(f"kernel-{name}.o")
        # Each variant exports its functions under names of its own.
        renamed = [f"-D{function}={function}_{name}" for function in FUNCTIONS]
        message = _object(cc, source / "kernel.c", compiled, [*march, *openmp, UNITS["kernel.c"], *renamed])
        if message:
            return message
        objects.append(compiled)
        present.append(f"-DWITH_{name.upper()}")
    plain = {unit: [flag] for unit, flag in UNITS.items() if unit != "kernel.c"}
    for unit, flags in {**plain, DISPATCH: present}.items():
        compiled = made.with_name(f"{unit}.o")
        message = _object(cc, source / unit, compiled, flags)
        if message:
            return message
        objects.append(compiled)
    return _link(cc, objects, made, openmp)


def _object(cc: str, source: Path, compiled: Path, flags: Sequence[str]) -> str:
    return _run([cc, *FLAGS, *flags, "-c", str(source), "-o", str(compiled)])


def _link(cc: str, objects: Sequence[Path], made: Path, flags: Sequence[str]) -> str:
    return _run([cc, "-shared", *flags, *[str(path) for path in objects], "-o", str(made), "-lm"])


def _run(words: list[str]) -> str:
    """Run a compiler; return the first line of its message, "" on success."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[0] if lines else f"exit code {done.returncode}"
