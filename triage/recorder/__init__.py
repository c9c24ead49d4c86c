"""The pytest plugin inside the process under test: light, append and flush, never raises."""
