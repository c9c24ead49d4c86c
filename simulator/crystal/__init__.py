"""The crystal: what `CrystalConfig` describes, as tensors that gradients flow through."""

from simulator.crystal.crystal import Crystal

__all__ = ["Crystal"]
