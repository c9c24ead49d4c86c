"""Rotations of lab vectors. Angles in radians, right-handed, matrices [..., 3, 3] acting on columns."""

from typing import TYPE_CHECKING

from simulator.geometry.arrays import length, library_of

if TYPE_CHECKING:
    from torch import Tensor


def cross_matrix(axis: "Tensor") -> "Tensor":
    """Return the [..., 3, 3] matrix K with K v = axis x v."""
    xp = library_of(axis)
    x, y, z = axis[..., 0], axis[..., 1], axis[..., 2]
    zero = xp.zeros_like(x)
    first = xp.stack((zero, -z, y), -1)
    second = xp.stack((z, zero, -x), -1)
    third = xp.stack((-y, x, zero), -1)
    matrix: Tensor = xp.stack((first, second, third), -2)
    return matrix


def about_axis(axis: "Tensor", angle: "Tensor") -> "Tensor":
    """Rodrigues' rotation: v cos t + (axis x v) sin t + axis (axis . v)(1 - cos t).

    The axis [..., 3] is used as given, also when it is not of unit length. Smooth at angle 0.
    """
    xp = library_of(axis)
    cosine = xp.cos(angle)[..., None, None]
    sine = xp.sin(angle)[..., None, None]
    outer = axis[..., :, None] * axis[..., None, :]
    turn: Tensor = cosine * _eye(axis) + sine * cross_matrix(axis) + (1 - cosine) * outer
    return turn


SMALL = 1e-8
"""Radians squared, below which the series of sine and cosine are exact to the last digit."""


def by_vector(turn: "Tensor") -> "Tensor":
    """The rotations by |turn| radians about the direction of `turn`, [..., 3] to [..., 3, 3].

    I + K sin t / t + K^2 (1 - cos t) / t^2 with K the cross matrix of `turn`; smooth at 0.
    """
    xp = library_of(turn)
    square = (turn * turn).sum(-1)
    is_small = square < SMALL
    # The root has no slope at 0: there another number takes its place, whose result is thrown away.
    angle = xp.sqrt(xp.where(is_small, xp.ones_like(square), square))
    first = xp.where(is_small, 1 - square / 6, xp.sin(angle) / angle)[..., None, None]
    second = xp.where(is_small, 0.5 - square / 24, (1 - xp.cos(angle)) / angle**2)[..., None, None]
    k = cross_matrix(turn)
    rotation: Tensor = _eye(turn) + first * k + second * (k @ k)
    return rotation


def _eye(like: "Tensor") -> "Tensor":
    """Return the identity in the library, precision and place of `like`."""
    xp = library_of(like)
    if hasattr(like, "detach"):
        eye: Tensor = xp.eye(3, dtype=like.dtype, device=like.device)
    else:
        eye = xp.eye(3)
    return eye


def euler_xyz(angles: "Tensor") -> "Tensor":
    """Rz Ry Rx: about the lab x axis first, then y, then z. `angles` is [3], radians."""
    eye = _eye(angles)
    x = about_axis(eye[0], angles[0])
    y = about_axis(eye[1], angles[1])
    z = about_axis(eye[2], angles[2])
    rotation: Tensor = z @ y @ x
    return rotation


def euler_angles(rotation: "Tensor") -> "Tensor":
    """The [3] angles whose `euler_xyz` is `rotation`, radians."""
    xp = library_of(rotation)
    x = xp.arctan2(rotation[2, 1], rotation[2, 2])
    y = xp.arctan2(-rotation[2, 0], xp.hypot(rotation[2, 1], rotation[2, 2]))
    z = xp.arctan2(rotation[1, 0], rotation[0, 0])
    angles: Tensor = xp.stack((x, y, z))
    return angles


def unit(vector: "Tensor") -> "Tensor":
    """The vector(s) [..., 3] scaled to length 1."""
    scaled: Tensor = vector / length(vector)[..., None]
    return scaled
