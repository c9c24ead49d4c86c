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
    """Rows a*, b*, c* with a* along x and b* in the xy plane: the orientation before any missetting.

    lengths [3] a, b, c in Angstrom; angles [3] alpha, beta, gamma in radians; result [3, 3], 1/Angstrom.

        a*           = b c sin(alpha) / V
        cos(alpha*)  = (cos(beta) cos(gamma) - cos(alpha)) / (sin(beta) sin(gamma))

    and so on around a, b, c (International Tables C, 1.1). In this orientation

        a* = a* (1,           0,                                                  0)
        b* = b* (cos(gamma*), sin(gamma*),                                        0)
        c* = c* (cos(beta*),  (cos(alpha*) - cos(beta*) cos(gamma*))/sin(gamma*), z)

    The reference's z is V / (a b c sin(gamma*)), in which V / (a b c) belongs to the real angles: where two
    or more angles differ from 90 degrees the lattice is off by a few parts in a thousand. `exact` takes
    c* z = 1 / c instead, which is the inverse.
    """
    xp = library_of(lengths)
    a, b, c = lengths
    sin_alpha, sin_beta, sin_gamma = xp.sin(angles)
    cos_alpha, cos_beta, cos_gamma = xp.cos(angles)
    cell = volume(lengths, angles)
    a_star = b * c * sin_alpha / cell
    b_star = c * a * sin_beta / cell
    c_star = a * b * sin_gamma / cell
    cos_alpha_star = (cos_beta * cos_gamma - cos_alpha) / (sin_beta * sin_gamma)
    cos_beta_star = (cos_gamma * cos_alpha - cos_beta) / (sin_gamma * sin_alpha)
    cos_gamma_star = (cos_alpha * cos_beta - cos_gamma) / (sin_alpha * sin_beta)
    sin_gamma_star = c / (cell * a_star * b_star)
    zero = xp.zeros_like(a)
    # Round-off may carry the sine past 1; the slope there is the formula's own, so only the value is clamped.
    excess = xp.maximum(bare(sin_gamma_star - 1), bare(zero))
    sin_gamma_star = sin_gamma_star - excess
    row_a = xp.stack((a_star, zero, zero))
    row_b = xp.stack((b_star * cos_gamma_star, b_star * sin_gamma_star, zero))
    c_x = c_star * cos_beta_star
    c_y = c_star * (cos_alpha_star - cos_beta_star * cos_gamma_star) / sin_gamma_star
    c_z = 1 / c if exact else c_star * cell / (a * b * c * sin_gamma_star)
    row_c = xp.stack((c_x, c_y, c_z))
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
