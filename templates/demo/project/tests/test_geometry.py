"""The detector's pixels are where the convention puts them."""

import pytest
import torch

from simulator.config import DetectorConfig
from simulator.detector import Detector


@pytest.mark.parametrize("convention", ["MOSFLM", "DENZO", "ADXV", "XDS", "DIALS"])
def test_pixels_are_as_far_apart_as_they_are_wide(convention):
    config = DetectorConfig(fpixels=8, spixels=6, pixel_size_mm=0.1, convention=convention)
    positions = Detector(config=config, dtype=torch.float64).pixel_positions()
    along_fast = (positions[:, 1:] - positions[:, :-1]).norm(dim=-1)
    along_slow = (positions[1:] - positions[:-1]).norm(dim=-1)
    assert torch.allclose(along_fast, torch.full_like(along_fast, 1e-4))
    assert torch.allclose(along_slow, torch.full_like(along_slow, 1e-4))


def test_the_detector_is_at_its_distance():
    config = DetectorConfig(fpixels=4, spixels=4, distance_mm=100.0)
    positions = Detector(config=config, dtype=torch.float64).pixel_positions()
    assert positions[..., 0].mean().item() == pytest.approx(0.1)
