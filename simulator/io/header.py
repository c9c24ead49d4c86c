"""Compute the entries of an SMV header from a detector, a beam and a crystal."""

from simulator.config import BeamConfig, CrystalConfig
from simulator.config.checks import plain
from simulator.detector import Detector
from simulator.geometry.panel import Panel
from simulator.io.smv import HEADER_BYTES, byte_order
from simulator.units import MM


def _general(*values: float) -> str:
    """Numbers as the reference prints them, with six digits."""
    return ",".join(f"{value:g}" for value in values)


def beam_spot(detector: Detector, panel: Panel) -> tuple[float, float]:
    """Fast and slow coordinate at which the beam meets the panel, m."""
    hit = panel.distance * detector.axes().beam - panel.origin
    return plain(hit @ panel.fast), plain(hit @ panel.slow)


def smv_entries(detector: Detector, beam: BeamConfig, crystal: CrystalConfig) -> list[tuple[str, str]]:
    """List keys and values in the reference's order; mm, degrees, and pixels for the XDS origin."""
    config, panel = detector.config, detector.panel()
    pixel = plain(detector.pixel())
    fast, slow = beam_spot(detector, panel)
    centre_x, centre_y = detector.beam_centre()
    _, slow_size = detector.size()
    origin = [plain(value) / MM for value in panel.origin]
    near_f = -plain(panel.origin @ panel.fast)
    near_s = -plain(panel.origin @ panel.slow)
    return [
        ("HEADER_BYTES", str(HEADER_BYTES)),
        ("DIM", "2"),
        ("BYTE_ORDER", byte_order()),
        ("TYPE", "unsigned_short"),
        ("SIZE1", str(config.fpixels)),
        ("SIZE2", str(config.spixels)),
        ("PIXEL_SIZE", _general(pixel / MM)),
        ("DISTANCE", _general(plain(panel.distance) / MM)),
        ("WAVELENGTH", _general(plain(beam.wavelength_A))),
        ("BEAM_CENTER_X", _general(plain(centre_x) / MM)),
        ("BEAM_CENTER_Y", _general(plain(centre_y) / MM)),
        ("ADXV_CENTER_X", _general(fast / MM)),
        ("ADXV_CENTER_Y", _general((plain(slow_size) - slow) / MM)),
        ("MOSFLM_CENTER_X", _general((slow - 0.5 * pixel) / MM)),
        ("MOSFLM_CENTER_Y", _general((fast - 0.5 * pixel) / MM)),
        ("DENZO_X_BEAM", _general(slow / MM)),
        ("DENZO_Y_BEAM", _general(fast / MM)),
        ("DIALS_ORIGIN", _general(*origin)),
        ("XDS_ORGX", _general(near_f / pixel + 0.5)),
        ("XDS_ORGY", _general(near_s / pixel + 0.5)),
        ("CLOSE_DISTANCE", _general(plain(panel.close) / MM)),
        ("PHI", _general(plain(crystal.phi_start_deg))),
        ("OSC_START", _general(plain(crystal.phi_start_deg))),
        ("OSC_RANGE", _general(plain(crystal.osc_range_deg))),
        ("TWOTHETA", _general(plain(config.twotheta_deg))),
        ("DETECTOR_SN", "000"),
        ("BEAMLINE", "fake"),
    ]
