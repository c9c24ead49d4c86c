"""Suites with planted latent flaky tests, and decoys that look suspicious and are sound."""
