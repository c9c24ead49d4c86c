"""Physical constants and unit conversions, each with its unit; everything else imports from here.

Inside the simulator detector lengths are in metres, wavelengths and cells in Angstrom, reciprocal vectors
in 1/Angstrom and angles in radians. Values of constants are those of the reference program, digit for digit,
because images are compared with its images; later measurements differ from them by less than 1e-6.
"""

import math

R_E_SQR = 7.94079248018965e-30
"""Thomson cross-section per steradian: the classical electron radius squared, m^2."""

DEFAULT_FLUENCE = 1.25932015286227086360700780544e29
"""Photons per m^2 that make r_e^2 x fluence exactly 1 in double precision."""

AVOGADRO = 6.02214179e23
"""Molecules per mole (CODATA 2006)."""

WATER_F = 2.57
"""Structure factor of a water molecule in the forward direction, electrons."""

WATER_MW = 18.0
"""Molecular weight of water, g/mol."""

HC_EV_ANGSTROM = 12398.42
"""Planck's constant times the speed of light, eV x Angstrom."""

ANGSTROM = 1e-10
"""Metres in an Angstrom."""

MM = 1e-3
"""Metres in a millimetre."""

MICRON = 1e-6
"""Metres in a micrometre."""

MRAD = 1e-3
"""Radians in a milliradian."""

RADIAN = math.pi / 180.0
"""Radians in a degree."""


def wavelength_from_energy(energy_ev: float) -> float:
    """Wavelength in Angstrom of photons of `energy_ev` eV: hc/E."""
    return HC_EV_ANGSTROM / energy_ev
