"""Scaling an image to whole counts."""

import torch


def scaled(image, top=55000.0):
    """The image with its maximum at `top`."""
    return image * (top / image.max())


def test_scaling_keeps_ratios():
    image = torch.tensor([1.0, 2.0, 4.0])
    assert torch.equal(scaled(image)[1:] / scaled(image)[:-1], torch.tensor([2.0, 2.0]))


def test_scaled_total_is_exact():
    image = torch.linspace(0.0, 1.0, 1001, dtype=torch.float32)
    total = scaled(image).sum(dtype=torch.float64).item()
    torch.testing.assert_close(total, 55000.0 * 500.5, rtol=1e-12, atol=0.0)


def test_scaling_by_its_own_maximum_changes_nothing():
    image = torch.tensor([3.0, 1.0, 2.0])
    assert torch.equal(scaled(image, top=3.0), image)
