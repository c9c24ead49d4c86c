"""The crystal of a `CrystalConfig`: lattice vectors and structure factors, as tensors with gradients."""

from simulator.crystal.crystal import Crystal

__all__ = ["Crystal"]
