"""The simulator: crystal, detector and beam together make an image [slow, fast] in photons per pixel."""

from simulator.simulator.simulator import Simulator

__all__ = ["Simulator"]
