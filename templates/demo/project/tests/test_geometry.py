"""The detector is where its convention puts it."""

import pytest
import torch

from simulator.config import DetectorConfig
from simulator.detector import Detector

CONVENTIONS = ["MOSFLM", "DENZO", "ADXV", "XDS", "DIALS"]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_axes_are_orthonormal(convention):
    panel = Detector(config=DetectorConfig(convention=convention, rotx_deg=3.0, twotheta_deg=10.0)).panel()
    axes = torch.stack((panel.fast, panel.slow, panel.normal))
    torch.testing.assert_close(axes @ axes.T, torch.eye(3, dtype=axes.dtype), rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_detector_is_at_its_distance(convention):
    panel = Detector(config=DetectorConfig(convention=convention, distance_mm=123.0)).panel()
    assert (panel.origin @ panel.normal).item() == pytest.approx(0.123)
