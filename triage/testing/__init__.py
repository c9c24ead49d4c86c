"""Kits for tests: conformance of executors, stores and probes; small projects made on the spot."""
