"""The reference program's command line: its options under their own names, turned into configurations."""
