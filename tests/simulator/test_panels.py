"""Detectors of several panels: each image is the part of one large detector that the panel covers."""

from dataclasses import replace

import pytest
import torch

from simulator import BeamConfig, Crystal, CrystalConfig, Detector, DetectorConfig, Simulator, SimulatorError
from simulator.panels import panel_at, run_panels
from simulator.units import MM

CRYSTAL = Crystal(
    CrystalConfig(
        cell_a=50.0,
        cell_b=60.0,
        cell_c=70.0,
        N_cells=(5, 5, 5),
        default_F=90.0,
        misset_deg=(5.0, 15.0, 25.0),
        phi_start_deg=12.0,
    )
)
BEAM = BeamConfig(wavelength_A=1.2, polarization=0.7)
WHOLE = DetectorConfig(
    fpixels=24,
    spixels=30,
    pixel_size_mm=1.5,
    distance_mm=80.0,
    rotx_deg=3.0,
    roty_deg=-4.0,
    rotz_deg=5.0,
    twotheta_deg=6.0,
    thickness_um=300.0,
    attenuation_um=200.0,
    thickness_steps=2,
    oversample=2,
)
SHAPE = {
    "pixel_size_mm": 1.5,
    "thickness_um": 300.0,
    "attenuation_um": 200.0,
    "thickness_steps": 2,
    "oversample": 2,
}


def part(detector, rows, columns, shift=None):
    """The panel that covers a rectangle of pixels (first, end) of the detector."""
    (first_slow, end_slow), (first_fast, end_fast) = rows, columns
    whole = detector.panel()
    edge = detector.pixel()
    corner = whole.origin + first_fast * edge * whole.fast + first_slow * edge * whole.slow
    origin = corner / MM if shift is None else corner / MM + shift
    size = {"fpixels": end_fast - first_fast, "spixels": end_slow - first_slow}
    config = panel_at(origin, whole.fast, whole.slow, axes=detector, **size, **SHAPE)
    return Detector(config)


class TestImages:
    @pytest.mark.parametrize("convention", ["MOSFLM", "ADXV", "XDS"])
    def test_panels_are_parts_of_a_large_detector(self, convention):
        detector = Detector(replace(WHOLE, convention=convention))
        whole = Simulator(CRYSTAL, detector, beam_config=BEAM).run()
        places = [((0, 12), (0, 24)), ((12, 30), (0, 10)), ((12, 30), (10, 24))]
        images = run_panels(CRYSTAL, [part(detector, *place) for place in places], BEAM)
        for image, (rows, columns) in zip(images, places, strict=True):
            expected = whole[slice(*rows), slice(*columns)]
            torch.testing.assert_close(image, expected, rtol=1e-9, atol=1e-9 * float(whole.max()))

    def test_gradients_by_the_place_of_each_panel(self):
        detector = Detector(WHOLE)

        def seen(shift):
            panels = [part(detector, (0, 8), (0, 8), shift), part(detector, (12, 20), (10, 18), -shift)]
            weights = torch.arange(64, dtype=torch.float64).reshape(8, 8)
            return sum((image * weights).sum() for image in run_panels(CRYSTAL, panels, BEAM))

        shift = torch.tensor([0.1, -0.2, 0.15], dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(seen(shift), shift)
        for axis in range(3):
            step = torch.zeros(3, dtype=torch.float64)
            step[axis] = 1e-5
            difference = (seen(shift.detach() + step) - seen(shift.detach() - step)) / 2e-5
            assert float(slope[axis]) == pytest.approx(float(difference), rel=1e-5)


class TestErrors:
    def test_a_panel_through_the_sample(self):
        with pytest.raises(SimulatorError, match="close_distance_mm is 0"):
            panel_at((0.0, 10.0, -10.0), (0, 0, 1), (0, -1, 0), axes=Detector())

    def test_no_panel(self):
        with pytest.raises(SimulatorError, match="no panel"):
            run_panels(CRYSTAL, [])

    def test_panels_of_two_experiments(self):
        panels = [Detector(WHOLE), Detector(replace(WHOLE, convention="XDS"))]
        with pytest.raises(SimulatorError, match="panel 2 has another beam axis"):
            run_panels(CRYSTAL, panels)
