"""`python -m server.cli`: the command line without its installed script."""

from __future__ import annotations

from server.cli import main

main(prog_name="repriced")
