"""The beam: photons per area, and the sources that a divergent or polychromatic beam is sampled by."""

from simulator.beam.beam import Beam

__all__ = ["Beam"]
