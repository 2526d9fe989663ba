"""Benchmarks: each answers a named question as a ratio against a floor or a peer of the same run."""
