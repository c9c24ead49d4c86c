"""Engines, plain torch and compiled kernel: they render rows of a scene and pull gradients back."""
