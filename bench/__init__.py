"""Benchmarks: each answers a named question as a ratio measured in one run."""
