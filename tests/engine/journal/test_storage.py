"""The directory of the real file system: short writes, the lock, a real limit of size."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from story import JOURNAL_ID, Record, group

from engine.errors import ConfigError, JournalFullError
from engine.journal import DirectoryStorage, FileJournal
from engine.journal.storage import MAX_BUFFERS, Buffer, write_fully
from engine.schema import InputKind

HOLDER = """
import sys
from pathlib import Path
from engine.journal import DirectoryStorage
storage = DirectoryStorage(Path(sys.argv[1]))
storage.lock()
sys.stdout.write("locked\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.mark.parametrize("most", [1, 2, 3, 7, 1000])
def test_short_writes_go_on_where_they_stopped(most: int) -> None:
    written = bytearray()
    calls = []

    def pwritev(descriptor: int, buffers: Sequence[Buffer], offset: int) -> int:
        data = b"".join(buffers)[:most]
        assert (descriptor, offset) == (9, 100 + len(written))
        written.extend(data)
        calls.append(len(buffers))
        return len(data)

    buffers = [b"ab", b"", bytearray(b"cde"), memoryview(b"f"), b"", b"ghijklm"]
    write_fully(pwritev, 9, buffers, 100)
    assert bytes(written) == b"abcdefghijklm"
    assert len(calls) == -(-13 // most)


def test_more_buffers_than_a_call_takes(tmp_path: Path) -> None:
    file = DirectoryStorage(tmp_path).create("many")
    buffers = [bytes([at % 251]) * (at % 3) for at in range(3 * MAX_BUFFERS + 5)]
    file.write(buffers, 4)
    assert file.read(0, 10**6) == bytes(4) + b"".join(buffers)
    assert file.read(file.size() - 1, 10) == buffers[-1][-1:] or buffers[-1] == b""
    file.close()


def test_another_process_owns_the_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(ConfigError, match=f"running process {holder.pid};"):
            DirectoryStorage(tmp_path).lock()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    storage = DirectoryStorage(tmp_path)
    storage.lock()
    storage.lock()
    assert (tmp_path / "LOCK").read_text() == str(os.getpid())
    storage.close()


def test_a_limit_of_size_is_no_room(tmp_path: Path) -> None:
    """A real write that the system cuts short and then refuses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = FileJournal.open(DirectoryStorage(tmp_path), JOURNAL_ID)
    record = Record()
    group(journal, record, 3)
    size = journal.bytes_on_disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5_000, hard))
    try:
        for _ in range(3):
            journal.append(InputKind.REPRICE, bytes(20_000), journal.last_ms)
            with pytest.raises(JournalFullError) as refusal:
                journal.commit()
            assert refusal.value.retry_after_ms == 1000
            assert (tmp_path / "journal-00000000000000000001.log").stat().st_size == size
            assert list(journal.read_from(0)) == record.committed
        assert group(journal, record, 1), "what is small still fits"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert group(journal, record, 2)
    assert list(journal.read_from(0)) == record.committed
    journal.close()
