# Texts kept under dense numbers, and hash tables from 64-bit hashes to numbers.

from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef class Texts:
    cdef uint8_t** chunks
    cdef Py_ssize_t chunk_count
    cdef Py_ssize_t filled  # units of the last chunk
    cdef uint32_t* places  # by number; a unit of all chunks together
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef object loaded  # memory of the first chunks, where they come from a snapshot
    cdef Py_ssize_t loaded_chunks

    cdef const uint8_t* start(self, Py_ssize_t number) noexcept nogil
    cdef Py_ssize_t length(self, Py_ssize_t number) noexcept nogil
    cdef bint equals(self, Py_ssize_t number, const uint8_t* at, Py_ssize_t length) noexcept nogil
    cdef uint32_t store(self, const uint8_t* at, Py_ssize_t length) except? 0
    cdef int add_chunk(self) except -1
    cdef int make_room(self, Py_ssize_t room) except -1


cdef struct Slot:
    uint32_t tag  # low half of a hash; its lowest bits are the slot's home
    uint32_t id  # 0: free


cdef class HashTable:
    cdef Slot* slots
    cdef Slot* old  # the table before, while its entries still move over
    cdef uint32_t mask
    cdef uint32_t old_mask
    cdef uint32_t moved  # slots of the old table that are done
    cdef readonly Py_ssize_t used
    cdef object loaded  # memory of the slots that come from a snapshot
    cdef Slot* loaded_slots

    cdef int insert(self, uint64_t hash, uint32_t id) except -1
    cdef int grow(self) except -1
    cdef void move(self, uint32_t most) noexcept
    cdef bint replace(self, uint64_t hash, uint32_t id, uint32_t by) noexcept
    cdef void release(self, Slot* slots) noexcept


cdef struct Probe:
    # A walk over the ids that one hash may stand for.
    const Slot* slots
    uint32_t mask
    uint32_t at
    uint32_t tag
    const Slot* old
    uint32_t old_mask

cdef enum: REMOVED = 0xFFFFFFFF


cdef inline Probe probe(HashTable table, uint64_t hash) noexcept nogil:
    cdef Probe walk
    walk.slots = table.slots
    walk.mask = table.mask
    walk.tag = <uint32_t>hash
    walk.at = walk.tag & walk.mask
    walk.old = table.old
    walk.old_mask = table.old_mask
    return walk


cdef inline uint32_t next_id(Probe* walk) noexcept nogil:
    """The next id whose tag is right, 0 at the end; an id can come twice while entries move."""
    cdef const Slot* slot
    while True:
        slot = &walk.slots[walk.at]
        if slot.id == 0:
            if walk.old == NULL:
                return 0
            walk.slots = walk.old
            walk.mask = walk.old_mask
            walk.at = walk.tag & walk.mask
            walk.old = NULL
            continue
        walk.at = (walk.at + 1) & walk.mask
        if slot.tag == walk.tag and slot.id != REMOVED:
            return slot.id
