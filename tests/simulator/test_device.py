"""The same image and gradients on a GPU, where there is one."""

import pytest
import torch

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")


@needs_gpu
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_image_and_gradient_on_the_gpu(simulate, dtype):
    found = []
    for device in ("cpu", "cuda"):
        cell = torch.tensor(41.0, dtype=torch.float64, device=device, requires_grad=True)
        crystal = {"cell_a": cell, "mosaic_spread_deg": 0.5, "mosaic_domains": 3}
        options = {"device": device, "dtype": dtype, "engine": "torch"}
        image = simulate(crystal, {"oversample": 2}, **options).run()
        assert image.device.type == device
        image.sum().backward()
        found.append((image.detach().cpu(), cell.grad.cpu()))
    tolerance = 1e-10 if dtype == torch.float64 else 1e-3
    top = found[0][0].max()
    assert torch.allclose(found[0][0] / top, found[1][0] / top, atol=tolerance)
    assert found[0][1].item() == pytest.approx(found[1][1].item(), rel=10 * tolerance)


def test_only_the_pixels_move(simulate):
    """Geometry is prepared on the CPU in float64, whatever the pixels are: float32 is for pixels."""
    scene = simulate({}, {}, dtype=torch.float32).scene()
    exact = simulate().scene()
    for single, double in zip(scene.tensors.as_list(), exact.tensors.as_list(), strict=True):
        assert single.dtype == torch.float32
        assert torch.equal(single, double.to(torch.float32))
