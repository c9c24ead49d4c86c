"""Edits of source text that serve as treatments in experiments or as repairs."""
