"""A bounded number of files kept open for reading."""

from __future__ import annotations

from engine.journal.storage import Storage, StoredFile

MOST_OPEN = 16


class OpenFiles:
    """The files read last; the one not read for longest is closed first."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._files: dict[str, StoredFile] = {}

    def get(self, name: str) -> StoredFile:
        """The file, opened if it is not."""
        file = self._files.pop(name, None) or self._storage.open(name)
        self._files[name] = file
        if len(self._files) > MOST_OPEN:
            self.forget(next(iter(self._files)))
        return file

    def forget(self, name: str) -> None:
        """Closes a file if it is open."""
        file = self._files.pop(name, None)
        if file is not None:
            file.close()

    def close(self) -> None:
        """Closes all."""
        for name in list(self._files):
            self.forget(name)
