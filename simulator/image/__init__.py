"""The image [slow, fast]: assembled from rows, as a differentiable function, or without torch."""
