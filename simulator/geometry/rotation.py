"""Rotations of lab vectors. Angles in radians, right-handed, matrices [..., 3, 3] acting on columns."""

import torch
from torch import Tensor


def cross_matrix(axis: Tensor) -> Tensor:
    """[..., 3, 3] matrix K with K v = axis x v."""
    x, y, z = axis.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (torch.stack((zero, -z, y), -1), torch.stack((z, zero, -x), -1), torch.stack((-y, x, zero), -1))
    return torch.stack(rows, -2)


def about_axis(axis: Tensor, angle: Tensor) -> Tensor:
    """Rodrigues' rotation: v cos t + (axis x v) sin t + axis (axis . v)(1 - cos t).

    The axis [..., 3] is used as given, also when it is not of unit length. Smooth at angle 0.
    """
    cosine = torch.cos(angle)[..., None, None]
    sine = torch.sin(angle)[..., None, None]
    eye = torch.eye(3, dtype=axis.dtype, device=axis.device)
    outer = axis[..., :, None] * axis[..., None, :]
    return cosine * eye + sine * cross_matrix(axis) + (1 - cosine) * outer


def euler_xyz(angles: Tensor) -> Tensor:
    """Rz Ry Rx: about the lab x axis first, then y, then z. `angles` is [3], radians."""
    eye = torch.eye(3, dtype=angles.dtype, device=angles.device)
    x, y, z = (about_axis(eye[i], angles[i]) for i in range(3))
    rotation: Tensor = z @ y @ x
    return rotation


def euler_angles(rotation: Tensor) -> Tensor:
    """The [3] angles whose `euler_xyz` is `rotation`, radians."""
    x = torch.atan2(rotation[2, 1], rotation[2, 2])
    y = torch.atan2(-rotation[2, 0], torch.hypot(rotation[2, 1], rotation[2, 2]))
    z = torch.atan2(rotation[1, 0], rotation[0, 0])
    return torch.stack((x, y, z))


def unit(vector: Tensor) -> Tensor:
    """The vector(s) [..., 3] scaled to length 1."""
    scaled: Tensor = vector / torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    return scaled
