"""The table of options: names, kind and number of values, help."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """One option.

    names        spellings, the first of which gives its key
    kind         type of each value; bool for an option without values
    least, most  how many values follow
    says         the help
    group        set of options of which two different ones contradict each other; "": none
    """

    names: tuple[str, ...]
    kind: type
    least: int
    most: int
    says: str
    group: str = ""

    @property
    def key(self) -> str:
        """The option's key among the values given: its first name without the dash."""
        return self.names[0][1:]


def _numbers(names: str, count: int, says: str, *, most: int = 0, group: str = "") -> Flag:
    return Flag(tuple(names.split()), float, count, most or count, says, group)


def _whole(names: str, count: int, says: str) -> Flag:
    return Flag(tuple(names.split()), int, count, count, says)


def _text(names: str, says: str, *, group: str = "") -> Flag:
    return Flag(tuple(names.split()), str, 1, 1, says, group)


def _switch(names: str, says: str, *, group: str = "") -> Flag:
    return Flag(tuple(names.split()), bool, 0, 0, says, group)


CRYSTAL = (
    _numbers("-cell", 1, "a b c alpha beta gamma, A and degrees", most=6),
    _text("-mat", "file of nine numbers: columns a*, b*, c*, rows x, y, z, scaled by the wavelength"),
    Flag(("-misset",), str, 1, 3, "rotations about x, y, z in degrees, or the word random"),
    _whole("-misset_seed", 1, "seed of the random orientation"),
    _whole("-Na", 1, "cells along a"),
    _whole("-Nb", 1, "cells along b"),
    _whole("-Nc", 1, "cells along c"),
    _whole("-N", 1, "cells along all three axes"),
    _numbers("-xtalsize -samplesize", 1, "size of the crystal along x, y and z, mm"),
    _numbers("-xtal_thick -xtal_thickness -sample_thick -sample_thickness", 1, "x size of the crystal, mm"),
    _numbers("-xtal_width -sample_width -width", 1, "y size of the crystal, mm"),
    _numbers("-xtal_height -sample_height -height", 1, "z size of the crystal, mm"),
    _text("-hkl", "text file of h k l F, or MTZ or mmCIF (which also give the cell, without -cell and -mat)"),
    _numbers("-default_F", 1, "structure factor of reflections that no file gives, electrons"),
    _switch("-interpolate", "read structure factors between reflections", group="interpolation"),
    _switch("-nointerpolate", "always take the nearest reflection", group="interpolation"),
    _numbers("-mosaic_spread -mosaic -mosaici", 1, "mosaic spread, degrees"),
    _whole("-mosaic_domains -mosaic_dom", 1, "mosaic blocks"),
    _whole("-mosaic_seed", 1, "seed of the mosaic blocks"),
    _numbers("-phi", 1, "spindle start, degrees"),
    _numbers("-osc", 1, "spindle range, degrees"),
    _numbers("-phistep", 1, "spindle step, degrees"),
    _whole("-phisteps", 1, "spindle steps"),
    _switch("-square_xtal", "block-shaped crystal (the default)", group="crystal shape"),
    _switch("-round_xtal", "ellipsoidal crystal", group="crystal shape"),
    _switch("-gauss_xtal", "Gaussian spots", group="crystal shape"),
    _switch("-tophat_spots -binary_spots", "flat spots", group="crystal shape"),
    _numbers("-fudge", 1, "radius parameter of round, Gaussian and flat spots"),
)

BEAM = (
    _numbers("-lambda -wave -wavelength", 1, "wavelength, A", group="wavelength"),
    _numbers("-energy", 1, "photon energy, eV", group="wavelength"),
    _numbers("-fluence", 1, "photons/m^2"),
    _numbers("-flux", 1, "photons/s"),
    _numbers("-exposure", 1, "s"),
    _numbers("-beamsize", 1, "mm"),
    _numbers("-polar -polarization", 1, "Kahn polarisation factor", group="polarisation"),
    _switch("-nopolar", "no polarisation factor", group="polarisation"),
    _numbers("-dispersion", 1, "spread of wavelengths, %"),
    _whole("-dispsteps", 1, "wavelengths"),
    _numbers("-divergence", 1, "horizontal and vertical divergence, mrad"),
    _numbers("-hdivrange", 1, "horizontal divergence, mrad"),
    _numbers("-vdivrange", 1, "vertical divergence, mrad"),
    _numbers("-hdivstep", 1, "horizontal step, mrad"),
    _numbers("-vdivstep", 1, "vertical step, mrad"),
    _whole("-divsteps", 1, "steps in both directions"),
    _whole("-hdivsteps", 1, "horizontal steps"),
    _whole("-vdivsteps", 1, "vertical steps"),
    _switch("-round_div", "drop the corners of the divergence grid (the default)", group="divergence shape"),
    _switch("-square_div", "keep the corners of the divergence grid", group="divergence shape"),
    _text("-sourcefile", "file of x y z weight wavelength(m), one source a line", group="sources"),
    _text("-spectrum", "file of energy(eV) weight, one a line, in place of -dispersion", group="sources"),
    _numbers("-dmin", 1, "skip samples below this d-spacing, A"),
)

DETECTOR = (
    _whole("-detpixels", 1, "pixels along both edges"),
    _whole("-detpixels_x -detpixels_f", 1, "pixels along the fast edge"),
    _whole("-detpixels_y -detpixels_s", 1, "pixels along the slow edge"),
    _numbers("-detsize", 1, "size of both edges, mm"),
    _numbers("-detsize_f -detsize_x", 1, "size of the fast edge, mm"),
    _numbers("-detsize_s -detsize_y", 1, "size of the slow edge, mm"),
    _numbers("-pixel", 1, "pixel edge, mm"),
    _numbers("-distance", 1, "sample to detector along the beam, mm"),
    _numbers("-close_distance", 1, "sample to detector along its normal, mm"),
    _numbers("-Xbeam", 1, "beam centre X, mm"),
    _numbers("-Ybeam", 1, "beam centre Y, mm"),
    _numbers("-Xclose", 1, "nearest point X, mm"),
    _numbers("-Yclose", 1, "nearest point Y, mm"),
    _numbers("-ORGX", 1, "nearest point along fast, pixels"),
    _numbers("-ORGY", 1, "nearest point along slow, pixels"),
    _text("-pivot", "beam or sample"),
    _numbers("-detector_rotx", 1, "rotation about x, degrees"),
    _numbers("-detector_roty", 1, "rotation about y, degrees"),
    _numbers("-detector_rotz", 1, "rotation about z, degrees"),
    _numbers("-twotheta", 1, "rotation about the two-theta axis, degrees"),
    _switch("-mosflm", "axes and beam centre as MOSFLM", group="convention"),
    _switch("-denzo", "axes and beam centre as DENZO", group="convention"),
    _switch("-adxv", "axes and beam centre as ADXV", group="convention"),
    _switch("-xds", "axes and beam centre as XDS", group="convention"),
    _switch("-dials", "axes and beam centre as DIALS", group="convention"),
    _numbers("-fdet_vector", 3, "fast axis"),
    _numbers("-sdet_vector", 3, "slow axis"),
    _numbers("-odet_vector", 3, "normal"),
    _numbers("-beam_vector", 3, "beam direction"),
    _numbers("-polar_vector", 3, "polarisation axis"),
    _numbers("-spindle_axis", 3, "spindle axis"),
    _numbers("-twotheta_axis", 3, "two-theta axis; also sets -twotheta to its x, and the sample pivot"),
    _numbers("-pix0_vector", 3, "only switches to custom axes: the value is not used"),
    _switch("-point_pixel", "solid angle 1/R^2"),
    _switch("-curved_det", "every pixel at the same distance"),
    _text("-detector_abs", "attenuation depth of the sensor, um, or inf for no sensor"),
    _numbers("-detector_thick -detector_thickness", 1, "thickness of the sensor, um"),
    _whole("-detector_thicksteps -thicksteps", 1, "layers of the sensor"),
    _whole("-oversample", 1, "sub-pixels along each edge"),
    _switch("-oversample_thick", "capture fraction of every sub-pixel"),
    _switch("-oversample_polar", "polarisation of every sub-pixel"),
    _switch("-oversample_omega", "solid angle of every sub-pixel"),
    _whole("-roi", 4, "fast first and last, slow first and last pixel"),
    _text("-img", "SMV image whose header sets the geometry"),
    _text(
        "-mask",
        "image: 0 skips a pixel; the header of an SMV image sets the geometry too; .edf .cbf .tif need fabio",
    ),
    _numbers("-water", 1, "thickness of water in the beam, um"),
    _text(
        "-stol",
        "background file of sin(theta)/lambda and F; without -use_stol it is ignored, as in the reference",
    ),
    _text("-4stol", "the same with 4 sin(theta)/lambda"),
    _text("-Q", "the same with 4 pi sin(theta)/lambda"),
)

OUTPUT = (
    _text("-floatfile", "raw float32 image"),
    _text("-intfile", "SMV image without noise"),
    _text("-noisefile", "SMV image with photon noise"),
    _text("-pgmfile", "8-bit picture"),
    _text("-npyfile", "NumPy file, in the precision of the run"),
    _text("-cbffile", "CBF image (byte-offset), without noise"),
    _text("-nxfile", "NeXus file (NXmx in HDF5) of photons, in the precision of the run; needs h5py"),
    _text("-edffile", "EDF image of photons, float32; needs fabio"),
    _numbers("-scale", 1, "ADU per photon of the SMV image without noise"),
    _numbers("-pgmscale", 1, "grey levels per photon"),
    _numbers("-adc", 1, "read-out offset, ADU"),
    _whole("-seed", 1, "seed of the photon noise"),
    _switch("-noise", "write the image with noise (the default)"),
    _switch("-nonoise", "no image with noise"),
    _switch("-nopgm", "no picture"),
    _switch("-progress", "show progress"),
    _switch("-noprogress", "show no progress"),
)

OWN = (
    Flag(
        ("-phi_carryover",),
        int,
        0,
        1,
        "the reference's defect, phi = 0 keeps the previous orientation, as it is on so many threads (1)",
    ),
    _switch("-exact_cell", "triclinic cells exactly as given; the reference is off by some 0.1 %"),
    _switch("-use_source_weights", "weigh sources; the reference ignores weights"),
    _switch(
        "-oversample_independent", "each sub-pixel its own factors; the reference multiplies the running sum"
    ),
    _switch("-use_stol", "take the liquid's structure factor from -stol, -4stol or -Q, and count water once"),
    _switch("-water_once", "water counted once; the reference multiplies twice by r_e^2 x fluence"),
    _switch("-nearest_outside", "leaving the table ends interpolation for that sample only, not for the run"),
    _text("-engine", "auto, kernel or torch"),
    _text("-precision", "float64 or float32"),
    _whole("-threads", 1, "threads"),
    _text("-device", "cpu or cuda"),
    _text("-resume", "file that holds finished tiles, so that an interrupted run goes on"),
    _whole("-trace_pixel", 2, "slow and fast pixel: print every intermediate quantity instead of an image"),
    _text("-trace_json", "write the trace as JSON"),
    _switch("-help --help -h", "this text"),
)

SECTIONS = {
    "crystal": CRYSTAL,
    "beam": BEAM,
    "detector": DETECTOR,
    "output": OUTPUT,
    "beyond the reference": OWN,
}
FLAGS = (*CRYSTAL, *BEAM, *DETECTOR, *OUTPUT, *OWN)
BY_NAME = {name: flag for flag in FLAGS for name in flag.names}

HELP_COLUMN = 36
"""Width of the names in the help."""


def usage() -> str:
    """Format the help: one line an option, by section."""
    lines = ["python -m simulator [options]      python -m simulator compare A B [-png FILE] [--json]"]
    for title, flags in SECTIONS.items():
        lines += ["", title]
        for flag in flags:
            values = " ..." if flag.most > flag.least else " X" * flag.least
            names = f"  {', '.join(flag.names)}{values}"
            lines.append(f"{names.ljust(HELP_COLUMN)} {flag.says}")
    return "\n".join(lines)
