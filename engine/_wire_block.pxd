# Memory of decoded batches: taken from a pool, given back when the last array on it is gone.

from libc.stdint cimport uint8_t


cdef class Block:
    cdef uint8_t* memory
    cdef Py_ssize_t size
