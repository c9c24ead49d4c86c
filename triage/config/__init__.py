"""Settings from pyproject.toml, the environment and flags, each with its origin."""
