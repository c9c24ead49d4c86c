"""A failure to a signature that says which failures have the same cause."""
