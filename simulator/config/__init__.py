"""Frozen, validated descriptions of an experiment: crystal, detector, beam. Nothing here imports torch."""

from simulator.config.beam import BeamConfig
from simulator.config.crystal import CrystalConfig
from simulator.config.detector import DetectorConfig
from simulator.config.errors import SimulatorError

__all__ = ["BeamConfig", "CrystalConfig", "DetectorConfig", "SimulatorError"]
