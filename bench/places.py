"""Where measurements write."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder() -> Iterator[Path]:
    """A place in the current directory, as temporary ones may be in memory."""
    path = Path(tempfile.mkdtemp(dir=".", prefix=".bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)
