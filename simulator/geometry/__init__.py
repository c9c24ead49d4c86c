"""Where things are: rotations, cells, axis conventions, detector planes. Pure functions of tensors."""
