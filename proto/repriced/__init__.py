"""Public client package of repriced: the generated messages and services live in `repriced.v1`."""
