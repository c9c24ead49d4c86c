"""A differentiable X-ray diffraction simulator."""
