"""The detector: what `DetectorConfig` describes, as tensors that gradients flow through."""

from simulator.detector.detector import Detector

__all__ = ["Detector"]
