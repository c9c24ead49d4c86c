"""One probe a file: each asks whether one kind of factor is the cause."""
