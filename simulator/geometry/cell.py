"""The unit cell: volume, reciprocal vectors in the standard orientation, real vectors from reciprocal ones.

Lengths in Angstrom, angles in radians; vectors are the rows of [3, 3] matrices (a, b, c or a*, b*, c*).
"""

from typing import TYPE_CHECKING

from simulator.geometry.arrays import bare, cross, length, library_of

if TYPE_CHECKING:
    from torch import Tensor


def volume(lengths: "Tensor", angles: "Tensor") -> "Tensor":
    """V = 2abc sqrt|sin s sin(s-alpha) sin(s-beta) sin(s-gamma)| with 2s the sum of angles. Angstrom^3."""
    xp = library_of(lengths)
    half = angles.sum() / 2
    product = xp.sin(half) * xp.sin(half - angles).prod()
    cell: Tensor = 2 * lengths.prod() * xp.sqrt(xp.abs(product))
    return cell


def standard_reciprocal(lengths: "Tensor", angles: "Tensor", *, exact: bool = False) -> "Tensor":
    """a* along x, b* in the xy plane: the orientation before any missetting. [3, 3], 1/Angstrom.

    a* = bc sin(alpha) / V and cos(alpha*) = (cos(beta) cos(gamma) - cos(alpha)) / (sin(beta) sin(gamma)),
    and so on around a, b, c.

    The z component of c* is the reference's, c* V / (abc sin(gamma*)), in which V / (abc) belongs to the real
    angles: where two or more angles differ from 90 degrees the lattice is off by a few parts in a thousand.
    `exact` takes 1 / c instead, which is the inverse.
    """
    xp = library_of(lengths)
    a, b, c = lengths
    sine, cosine = xp.sin(angles), xp.cos(angles)
    cell = volume(lengths, angles)
    star_a = b * c * sine[0] / cell
    star_b = c * a * sine[1] / cell
    star_c = a * b * sine[2] / cell
    cos_alpha = (cosine[1] * cosine[2] - cosine[0]) / (sine[1] * sine[2])
    cos_beta = (cosine[2] * cosine[0] - cosine[1]) / (sine[2] * sine[0])
    cos_gamma = (cosine[0] * cosine[1] - cosine[2]) / (sine[0] * sine[1])
    sin_gamma = c / (cell * star_a * star_b)
    # Round-off may carry the sine past 1; the slope there is the formula's own, so only the value is clamped.
    sin_gamma = sin_gamma - xp.maximum(bare(sin_gamma - 1), bare(xp.zeros_like(a)))
    zero = xp.zeros_like(a)
    row_a = xp.stack((star_a, zero, zero))
    row_b = xp.stack((star_b * cos_gamma, star_b * sin_gamma, zero))
    c_y = star_c * (cos_alpha - cos_beta * cos_gamma) / sin_gamma
    c_z = 1 / c if exact else star_c * cell / (a * b * c * sin_gamma)
    row_c = xp.stack((star_c * cos_beta, c_y, c_z))
    start: Tensor = xp.stack((row_a, row_b, row_c))
    return start


def _crossed(rows: "Tensor") -> "Tensor":
    """Rows b x c, c x a, a x b."""
    a, b, c = rows
    crossed: Tensor = library_of(rows).stack((cross(b, c), cross(c, a), cross(a, b)))
    return crossed


def real_vectors(reciprocal: "Tensor") -> "Tensor":
    """a = (b* x c*) / (a* . b* x c*), and so on: the exact inverse, left-handed cells included.

    [3, 3], Angstrom.
    """
    crossed = _crossed(reciprocal)
    return crossed / (reciprocal[0] @ crossed[0])


def real_vectors_of_cell(reciprocal: "Tensor", lengths: "Tensor", cell: "Tensor") -> "Tensor":
    """As `real_vectors` in direction, with the lengths of the cell given, whatever the matrix says.

    lengths [3], Angstrom; cell is its volume in Angstrom^3. [3, 3], Angstrom.
    """
    crossed = _crossed(reciprocal)
    # Divided and multiplied by the volume as the reference does: the last digits follow its rounding.
    scale = lengths / cell / length(crossed)
    real: Tensor = crossed * scale[:, None] * cell
    return real


def reciprocal_vectors(real: "Tensor", cell: "Tensor") -> "Tensor":
    """a* = (b x c) / V, and so on. [3, 3], 1/Angstrom."""
    return _crossed(real) / cell
