"""Libraries that only some files need: loaded where they are used, and named where they are missing."""

import importlib
from typing import Any

from simulator.config import SimulatorError


def load_extra(library: str, what: str) -> Any:
    """Import a library of the extra `files`; raise a SimulatorError that says what it is needed for."""
    try:
        return importlib.import_module(library)
    except ImportError:
        raise SimulatorError(
            f"{what} need {library}, which is not installed: pip install {library}"
        ) from None
