"""The beam: photons per area, and the sources that sample a divergent or polychromatic beam."""

from simulator.beam.beam import Beam

__all__ = ["Beam"]
