"""Fixtures of `access_server` for this folder."""

from __future__ import annotations

from access_server import guarded, run_plain, start

__all__ = ["guarded", "run_plain", "start"]
