"""The detector of a `DetectorConfig`: panel, axes and sensor layers, as tensors with gradients."""

from simulator.detector.detector import Detector

__all__ = ["Detector"]
