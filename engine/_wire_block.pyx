"""Memory of decoded batches: taken from a pool, given back when the last array on it is gone.

A batch of a size that was seen before costs no page faults. Sizes are powers of two, so that a
block fits whatever needs up to half of it more. All of it is held under the GIL.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc

cdef enum:
    SMALLEST = 16384
    SHELVES = 20  # 16 KiB to 8 GiB
    SHELF_PLACES = 4
    KEPT_BYTES = 134217728

ctypedef uint8_t* Memory

cdef Memory[SHELVES * SHELF_PLACES] _kept
cdef int[SHELVES] _kept_count
cdef Py_ssize_t _kept_bytes = 0


cdef int shelf_of(Py_ssize_t size) noexcept:
    cdef int shelf = 0
    while shelf < SHELVES - 1 and <Py_ssize_t>SMALLEST << shelf < size:
        shelf += 1
    return shelf


cdef class Block:
    """Bytes of at least the size asked for, not zeroed; a writable buffer."""

    def __cinit__(self, Py_ssize_t size):
        global _kept_bytes
        cdef int shelf = shelf_of(size)
        self.size = <Py_ssize_t>SMALLEST << shelf
        if self.size < size:
            raise MemoryError(f"a block of {size} bytes; allowed: at most {self.size}")
        if _kept_count[shelf] > 0:
            _kept_count[shelf] -= 1
            _kept_bytes -= self.size
            self.memory = _kept[shelf * SHELF_PLACES + _kept_count[shelf]]
        else:
            self.memory = <uint8_t*>malloc(self.size)
        if self.memory == NULL:
            raise MemoryError(f"{self.size} bytes for a batch")

    def __dealloc__(self):
        global _kept_bytes
        cdef int shelf = shelf_of(self.size)
        if self.memory == NULL:
            return
        if _kept_count[shelf] < SHELF_PLACES and _kept_bytes + self.size <= KEPT_BYTES:
            _kept[shelf * SHELF_PLACES + _kept_count[shelf]] = self.memory
            _kept_count[shelf] += 1
            _kept_bytes += self.size
        else:
            free(self.memory)

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(view, self, self.memory, self.size, 0, flags)

    def __len__(self):
        return self.size


def kept():
    """Bytes that wait in the pool."""
    return _kept_bytes
