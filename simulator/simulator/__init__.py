"""Simulation: crystal, detector and beam to an image [slow, fast] in photons per pixel."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.simulator.simulator import Simulator

__all__ = ["Simulator"]


def __getattr__(name: str) -> object:
    """Import `Simulator` on first use, because it brings torch with it."""
    if name != "Simulator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from simulator.simulator.simulator import Simulator

    return Simulator
