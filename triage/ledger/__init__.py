"""Markdown that people also edit: marked regions, every other byte kept."""
