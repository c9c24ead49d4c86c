"""NeXus images (HDF5), by the definition NXmx: counts with the geometry of beam, detector and crystal.

Vectors stand in the frame of McStas, as NeXus asks: the sample at the origin, z along the beam, x against the
spindle as far as it is across the beam. h5py writes the file.
"""

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.beam import Beam
from simulator.config import BeamConfig, CrystalConfig, DetectorConfig
from simulator.config.checks import plain
from simulator.crystal import Crystal
from simulator.detector import Detector
from simulator.extras import load_extra
from simulator.geometry.arrays import as_numpy
from simulator.geometry.panel import Axes
from simulator.io.files import write_whole
from simulator.io.header import beam_spot
from simulator.scene.build import clipped_roi
from simulator.units import MICRON

ACROSS = 1e-6
"""Part of the spindle across the beam below which it gives no direction; then the polarisation axis does."""

MASKED = 1
"""Value of a pixel that the mask skips: bit 0 of NXmx, a gap."""

OUTSIDE = 1 << 8
"""Value of a pixel outside the region of interest: bit 8 of NXmx, masked by the user."""

SENSOR = "Si"
"""What the sensor is made of, which NXmx demands; the simulation knows its attenuation depth alone."""


@dataclass(frozen=True)
class Recorded:
    """What a file says besides the pixels.

    mask    [slow, fast], 0 where a pixel is skipped; None: none is
    start   when the image was asked for, seconds since 1970 (UTC)
    """

    crystal: CrystalConfig
    beam: BeamConfig
    panel: DetectorConfig
    mask: NDArray[np.int32] | None
    start: int

    @property
    def detector(self) -> Detector:
        """The detector's geometry in arrays of numpy."""
        return Detector(self.panel, xp=np)


def mcstas_frame(axes: Axes) -> NDArray[np.float64]:
    """[3, 3] rows x, y, z of the McStas frame in the lab frame."""
    z = as_numpy(axes.beam)
    for axis in (axes.spindle, axes.polarization):
        along = as_numpy(axis)
        across = along - (along @ z) * z
        if np.linalg.norm(across) > ACROSS:
            break
    x = -across / np.linalg.norm(across)
    return np.stack([x, np.cross(z, x), z])


def write_nexus(path: Path, image: NDArray[np.floating], recorded: Recorded) -> None:
    """Write the photons [slow, fast], in their own precision, as the one frame of an NXmx file."""
    h5py = load_extra("h5py", "NeXus files (-nxfile)")
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["default"] = "entry"
        entry = _group(file, "entry", "NXentry")
        entry.attrs["default"] = "data"
        entry["definition"] = "NXmx"
        entry["title"] = "simulated still image, photons per pixel"
        _write_times(entry, recorded)
        data = _group(entry, "data", "NXdata")
        data.attrs["signal"] = "data"
        data["data"] = image[None]
        data["data"].attrs["units"] = "photons"
        frame = mcstas_frame(recorded.detector.axes())
        instrument = _group(entry, "instrument", "NXinstrument")
        instrument["name"] = "simulated"
        source = _group(entry, "source", "NXsource")
        source["name"] = "simulated"
        source["probe"] = "x-ray"
        _write_beam(instrument, recorded.beam, recorded.detector, frame)
        _write_detector(instrument, recorded, frame)
        _write_sample(entry, recorded.crystal, recorded.detector, frame)
        # NXmx wants the pixels below the detector too: a link, no copy.
        instrument["detector/data"] = h5py.SoftLink("/entry/data/data")
    write_whole(path, buffer.getvalue())


def _write_times(entry: Any, recorded: Recorded) -> None:
    """When the image was asked for, and that time after the exposure: NXmx demands both."""
    start = datetime.fromtimestamp(recorded.start, UTC)
    end = start + timedelta(seconds=plain(recorded.beam.exposure_s))
    entry["start_time"] = _as_text(start)
    entry["end_time_estimated"] = _as_text(end)


def _as_text(time: datetime) -> str:
    """A time as NeXus writes it: ISO 8601, to the millisecond, in UTC."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _group(parent: Any, name: str, kind: str) -> Any:
    """Make a group of a NeXus class."""
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    return group


def _number(parent: Any, name: str, value: object, units: str) -> Any:
    """Write a number or an array with its unit."""
    parent[name] = np.asarray(value)
    parent[name].attrs["units"] = units
    return parent[name]


def _axis(parent: Any, name: str, value: object, *, units: str, kind: str, vector: object, on: str) -> None:
    """Write an axis of a chain of transformations: by `value` along or about `vector`, after `on`."""
    written = _number(parent, name, value, units)
    written.attrs["transformation_type"] = kind
    written.attrs["vector"] = np.asarray(vector, dtype=float)
    written.attrs["offset"] = np.zeros(3)
    written.attrs["offset_units"] = "m"
    written.attrs["depends_on"] = on


def _write_beam(instrument: Any, config: BeamConfig, detector: Detector, frame: NDArray[np.float64]) -> None:
    """NXbeam: the wavelength, or those of all sources with their weights; intensity and polarisation."""
    group = _group(instrument, "beam", "NXbeam")
    beam = Beam(config, xp=np)
    sources = beam.sources(detector.axes())
    wavelengths = as_numpy(sources.wavelengths)
    if len(np.unique(wavelengths)) > 1:
        _number(group, "incident_wavelength", wavelengths, "angstrom")
        _number(group, "incident_wavelength_weights", as_numpy(sources.weights), "")
    else:
        _number(group, "incident_wavelength", plain(config.wavelength_A), "angstrom")
    directions = as_numpy(sources.directions) @ frame.T
    _number(group, "source_directions", directions, "")
    _number(group, "fluence", plain(beam.fluence()), "1/m^2")
    # Stokes: intensity 1, the linear part along the polarisation axis by the Kahn factor.
    _number(group, "incident_polarization_stokes", [1.0, plain(config.polarization), 0.0, 0.0], "")
    _number(group, "polarization_axis", frame @ as_numpy(detector.axes().polarization), "")


def _write_detector(instrument: Any, recorded: Recorded, frame: NDArray[np.float64]) -> None:
    """NXdetector with one module: two pixel directions from the outer corner of the first pixel."""
    detector = recorded.detector
    config, panel = detector.config, detector.panel()
    pixel = plain(detector.pixel())
    group = _group(instrument, "detector", "NXdetector")
    group["description"] = "simulated"
    fast_spot, slow_spot = beam_spot(detector, panel)
    _number(group, "distance", plain(panel.distance), "m")
    _number(group, "beam_center_x", fast_spot / pixel, "pixel")
    _number(group, "beam_center_y", slow_spot / pixel, "pixel")
    _number(group, "x_pixel_size", pixel, "m")
    _number(group, "y_pixel_size", pixel, "m")
    group["sensor_material"] = SENSOR
    _number(group, "sensor_thickness", plain(config.thickness_um) * MICRON, "m")
    _number(group, "count_time", plain(recorded.beam.exposure_s), "s")
    first_f, last_f, first_s, last_s = clipped_roi(config)
    skipped = np.full((config.spixels, config.fpixels), OUTSIDE, dtype=np.uint32)
    skipped[first_s : last_s + 1, first_f : last_f + 1] = 0
    if recorded.mask is not None:
        skipped |= np.where(recorded.mask == 0, MASKED, 0).astype(np.uint32)
    group["pixel_mask"] = skipped
    group["depends_on"] = "module/module_offset"
    module = _group(group, "module", "NXdetector_module")
    module["data_origin"] = np.array([0, 0])
    module["data_size"] = np.array([config.spixels, config.fpixels])
    corner = frame @ as_numpy(panel.origin)
    length = float(np.linalg.norm(corner))
    place = "/entry/instrument/detector/module"
    vectors = {"fast": as_numpy(panel.fast), "slow": as_numpy(panel.slow)}
    _axis(module, "module_offset", length, units="m", kind="translation", vector=corner / length, on=".")
    for name, on in (("slow", f"{place}/module_offset"), ("fast", f"{place}/slow_pixel_direction")):
        direction = frame @ vectors[name]
        _axis(
            module,
            f"{name}_pixel_direction",
            pixel,
            units="m",
            kind="translation",
            vector=direction,
            on=on,
        )


def _write_sample(entry: Any, config: CrystalConfig, detector: Detector, frame: NDArray[np.float64]) -> None:
    """NXsample: the cell, the lattice before the spindle, and the spindle's angle."""
    group = _group(entry, "sample", "NXsample")
    group["name"] = "simulated crystal"
    crystal = Crystal(config, xp=np)
    real, reciprocal = (as_numpy(vectors) for vectors in crystal.vectors())
    lengths = np.linalg.norm(real, axis=1)
    unit = real / lengths[:, None]
    cosines = np.array([unit[1] @ unit[2], unit[2] @ unit[0], unit[0] @ unit[1]])
    group["unit_cell"] = np.concatenate([lengths, np.degrees(np.arccos(np.clip(cosines, -1, 1)))])
    group["unit_cell"].attrs["units"] = "angstrom, degrees"
    # Columns a*, b*, c*, without a factor of 2 pi.
    _number(group, "ub_matrix", frame @ reciprocal.T, "1/angstrom")
    group["depends_on"] = "/entry/sample/transformations/phi"
    moves = _group(group, "transformations", "NXtransformations")
    angles = np.degrees(as_numpy(crystal.spindle_angles()))
    spindle = frame @ as_numpy(detector.axes().spindle)
    _axis(moves, "phi", angles, units="deg", kind="rotation", vector=spindle, on=".")
