"""What is asked of the choice between the compiled kernel and plain torch, before either is loaded."""

from collections.abc import Mapping

ENGINES = ("auto", "kernel", "torch")
SWITCH = "NANOBRAGG_DISABLE_COMPILE"


def disabled(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for the plain path."""
    return environ.get(SWITCH, "") not in ("", "0")
