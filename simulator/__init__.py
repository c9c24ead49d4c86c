"""A differentiable X-ray diffraction simulator: still images from a cell, a beam and a detector.

The public names are loaded on first use, so that `import simulator` costs nothing:

>>> from simulator import Crystal, CrystalConfig, Detector, Simulator  # doctest: +SKIP
>>> Simulator(Crystal(CrystalConfig(default_F=100.0)), Detector()).run().shape  # doctest: +SKIP
torch.Size([1024, 1024])
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.batch import run_batch
    from simulator.beam import Beam
    from simulator.config import BeamConfig, CrystalConfig, DetectorConfig, SimulatorError
    from simulator.crystal import Crystal
    from simulator.detector import Detector
    from simulator.model import DiffractionModel
    from simulator.simulate import Simulator

# The module of each public name.
_HOMES = {
    "Beam": "simulator.beam",
    "BeamConfig": "simulator.config",
    "Crystal": "simulator.crystal",
    "CrystalConfig": "simulator.config",
    "Detector": "simulator.detector",
    "DetectorConfig": "simulator.config",
    "DiffractionModel": "simulator.model",
    "Simulator": "simulator.simulate",
    "SimulatorError": "simulator.config",
    "run_batch": "simulator.batch",
}

__all__ = [
    "Beam",
    "BeamConfig",
    "Crystal",
    "CrystalConfig",
    "Detector",
    "DetectorConfig",
    "DiffractionModel",
    "Simulator",
    "SimulatorError",
    "run_batch",
]


def __getattr__(name: str) -> object:
    """Import the public name's module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'simulator' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
