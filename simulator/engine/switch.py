"""Names of the engines and the variable that disables the kernel, for use before either engine is loaded."""

from collections.abc import Mapping

ENGINES = ("auto", "kernel", "torch")
MOST_THREADS = 1024
"""Threads beyond which the kernel is not asked for: a system that cannot start them kills the process."""

SWITCH = "NANOBRAGG_DISABLE_COMPILE"
"""Environment variable; anything but 0 or nothing selects the plain path."""


def disabled(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for the plain path."""
    return environ.get(SWITCH, "") not in ("", "0")
