"""Benchmarks: ratios against a named peer, measured in the same run, and how cost grows with size."""
