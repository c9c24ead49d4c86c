"""Geometry: rotations, cells, axis conventions, detector planes. Pure functions of tensors."""
