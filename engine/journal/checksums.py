"""CRC-32C of any buffer."""

from __future__ import annotations

import google_crc32c
import numpy as np

from engine.journal.storage import Buffer


def crc32c(data: Buffer, start: int = 0) -> int:
    """CRC-32C of `data`, continued from the checksum `start` of what came before."""
    if not isinstance(data, bytes):
        # The library takes nothing that could change meanwhile; an array over it costs no copy.
        return int(google_crc32c.extend(start, np.frombuffer(data, np.uint8))) if data else start
    return int(google_crc32c.extend(start, data))
