"""Compute the entries of SMV and CBF headers from a detector, a beam and a crystal."""

from simulator.config import BeamConfig, CrystalConfig
from simulator.config.checks import plain
from simulator.detector import Detector
from simulator.geometry.arrays import cross, length
from simulator.geometry.panel import Panel
from simulator.geometry.rotation import unit
from simulator.io.smv import byte_order
from simulator.units import MICRON, MM

TOP_COUNT = 65535
"""The largest count written."""

NO_DIRECTION = 1e-12
"""Length below which what is left of a unit vector has no direction."""


def _general(*values: float) -> str:
    """Numbers as the reference prints them, with six digits."""
    return ",".join(f"{value:g}" for value in values)


def beam_spot(detector: Detector, panel: Panel) -> tuple[float, float]:
    """Fast and slow coordinate at which the beam meets the panel, m."""
    hit = panel.distance * detector.axes().beam - panel.origin
    return plain(hit @ panel.fast), plain(hit @ panel.slow)


def dials_origin(detector: Detector, panel: Panel) -> list[float]:
    """The panel's origin in the frame of DIALS, m: x along the unrotated fast axis, z against the beam.

    In this frame an upright panel has the fast axis 1 0 0 and the slow axis 0 -1 0 (in ADXV 0 1 0).
    """
    axes = detector.axes()
    along_beam = plain(panel.origin @ axes.beam)
    # Custom axes may lean on each other: only what lies across the beam counts.
    across = axes.fast - (axes.fast @ axes.beam) * axes.beam
    if plain(length(across)) < NO_DIRECTION:
        across = cross(axes.slow, axes.beam)
    x_axis = unit(across)
    y_axis = cross(-axes.beam, x_axis)
    return [plain(panel.origin @ x_axis), plain(panel.origin @ y_axis), -along_beam]


def smv_entries(detector: Detector, beam: BeamConfig, crystal: CrystalConfig) -> list[tuple[str, str]]:
    """List keys and values in the reference's order; mm, degrees, and pixels for the XDS origin.

    The first entry, HEADER_BYTES, is the encoder's.
    """
    config, panel = detector.config, detector.panel()
    pixel = plain(detector.pixel())
    fast, slow = beam_spot(detector, panel)
    centre_x, centre_y = detector.beam_centre()
    _, slow_size = detector.size()
    origin = [value / MM for value in dials_origin(detector, panel)]
    near_f = -plain(panel.origin @ panel.fast)
    near_s = -plain(panel.origin @ panel.slow)
    return [
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


def cbf_entries(detector: Detector, beam: BeamConfig, crystal: CrystalConfig) -> list[str]:
    """List the lines of a mini-CBF header by the SLS convention 1.0, which names units behind the values."""
    config, panel = detector.config, detector.panel()
    pixel = plain(detector.pixel())
    fast, slow = beam_spot(detector, panel)
    step = crystal.osc_range_deg if crystal.phi_step_deg is None else crystal.phi_step_deg * crystal.phi_steps
    return [
        "Detector: simulated, S/N 000",
        f"Pixel_size {pixel:g} m x {pixel:g} m",
        f"Silicon sensor, thickness {plain(config.thickness_um) * MICRON:.6f} m",
        f"Exposure_time {plain(beam.exposure_s):g} s",
        f"Count_cutoff {TOP_COUNT} counts",
        f"Wavelength {plain(beam.wavelength_A):g} A",
        f"Detector_distance {plain(panel.distance):g} m",
        f"Beam_xy ({fast / pixel:.2f}, {slow / pixel:.2f}) pixels",
        f"Flux {plain(beam.flux):g} ph/s",
        f"Polarization {plain(beam.polarization):g}",
        f"Detector_2theta {plain(config.twotheta_deg):.4f} deg.",
        f"Start_angle {plain(crystal.phi_start_deg):.4f} deg.",
        f"Angle_increment {plain(step):.4f} deg.",
    ]
