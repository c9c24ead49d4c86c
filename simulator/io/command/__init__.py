"""Command lines of the reference program: its options under their own names, turned into configurations."""
