"""Texts kept under dense numbers, and hash tables from 64-bit hashes to numbers.

Both grow without a pause: texts in chunks that never move, a table by moving a few entries of the
smaller one with each that comes in.
"""

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from numpy import empty, uint8, uint32

cdef enum:
    UNIT = 4  # bytes; a text begins at a multiple of it
    HEAD = 2  # bytes of its length
    CHUNK_UNITS = 262144
    CHUNK_SHIFT = 18
    CHUNK_BYTES = 1048576
    LONGEST = 65535
    SMALLEST_TABLE = 1024
    MOVED_AT_ONCE = 32


cdef class Texts:
    """Texts by number, 0 and up. A text that is replaced is wiped; its place is kept if it fits."""

    def __dealloc__(self):
        cdef Py_ssize_t at
        for at in range(self.loaded_chunks, self.chunk_count):
            free(self.chunks[at])
        free(self.chunks)
        free(self.places)

    def __len__(self):
        return self.count

    def __iter__(self):
        return map(self.__getitem__, range(self.count))

    def __getitem__(self, Py_ssize_t number):
        if not 0 <= number < self.count:
            raise IndexError(f"number is {number}; allowed: 0 to {self.count - 1}")
        return self.start(number)[: self.length(number)].decode("utf-8")

    def __setitem__(self, Py_ssize_t number, str text not None):
        cdef bytes encoded = text.encode()
        cdef const uint8_t* at = encoded
        cdef Py_ssize_t length = len(encoded)
        cdef uint8_t* start
        if not 0 <= number < self.count:
            raise IndexError(f"number is {number}; allowed: 0 to {self.count - 1}")
        if units_of(length) > units_of(self.length(number)):
            memset(<uint8_t*>self.start(number), 0, self.length(number))
            self.places[number] = self.store(at, length)
            return
        start = <uint8_t*>self.start(number) - HEAD
        memset(start + HEAD, 0, self.length(number))
        start[0] = <uint8_t>(length & 0xFF)
        start[1] = <uint8_t>(length >> 8)
        memcpy(start + HEAD, at, length)

    def append(self, str text not None):
        """Keeps a text under the next number."""
        cdef bytes encoded = text.encode()
        if self.count == self.room:
            self.make_room(max(2 * self.room, SMALLEST_TABLE))
        self.places[self.count] = self.store(encoded, len(encoded))
        self.count += 1

    def dump(self):
        """(bytes, places): all chunks one behind another, and where each text is in them."""
        cdef Py_ssize_t size = self.chunk_count * CHUNK_BYTES
        cdef uint8_t[::1] raw
        cdef uint32_t[::1] places = empty(self.count, uint32)
        cdef Py_ssize_t at
        if self.chunk_count > 0:
            size -= CHUNK_BYTES - self.filled * UNIT
        raw = empty(size, uint8)
        for at in range(self.chunk_count):
            memcpy(&raw[at * CHUNK_BYTES], self.chunks[at], min(CHUNK_BYTES, size))
            size -= CHUNK_BYTES
        if self.count > 0:
            memcpy(&places[0], self.places, self.count * sizeof(uint32_t))
        return raw.base, places.base

    def load(self, uint8_t[::1] raw not None, const uint32_t[::1] places not None):
        """Takes over what `dump` gave, whole chunks without a copy. Only where no text is kept yet.

        Raises ValueError for places that are not in the bytes.
        """
        cdef Py_ssize_t whole = raw.shape[0] // CHUNK_BYTES
        cdef Py_ssize_t rest = raw.shape[0] % CHUNK_BYTES
        cdef Py_ssize_t at
        if self.count > 0:
            raise ValueError(f"{self.count} texts are kept already")
        if rest % UNIT or not are_within(
            &places[0] if places.shape[0] > 0 else NULL, places.shape[0],
            &raw[0] if raw.shape[0] > 0 else NULL, raw.shape[0],
        ):
            raise ValueError("a text is not within the bytes of all")
        self.make_room(max(places.shape[0], SMALLEST_TABLE))
        self.chunks = <uint8_t**>malloc((whole + 1) * sizeof(void*))
        if self.chunks == NULL:
            raise MemoryError("a list of chunks")
        for at in range(whole):
            self.chunks[at] = &raw[at * CHUNK_BYTES]
        self.loaded, self.loaded_chunks, self.chunk_count = raw, whole, whole
        if rest > 0:
            self.add_chunk()
            memcpy(self.chunks[whole], &raw[whole * CHUNK_BYTES], rest)
        self.filled = rest // UNIT if rest > 0 else CHUNK_UNITS
        if places.shape[0] > 0:
            memcpy(self.places, &places[0], places.shape[0] * sizeof(uint32_t))
        self.count = places.shape[0]

    cdef int make_room(self, Py_ssize_t room) except -1:
        cdef void* larger = realloc(self.places, room * sizeof(uint32_t))
        if larger == NULL:
            raise MemoryError(f"{room} places of texts")
        self.places = <uint32_t*>larger
        self.room = room
        return 0

    cdef const uint8_t* start(self, Py_ssize_t number) noexcept nogil:
        cdef uint32_t place = self.places[number]
        return self.chunks[place >> CHUNK_SHIFT] + (place & (CHUNK_UNITS - 1)) * UNIT + HEAD

    cdef Py_ssize_t length(self, Py_ssize_t number) noexcept nogil:
        cdef const uint8_t* head = self.start(number) - HEAD
        return head[0] | <Py_ssize_t>head[1] << 8

    cdef bint equals(self, Py_ssize_t number, const uint8_t* at, Py_ssize_t length) noexcept nogil:
        return length == self.length(number) and memcmp(self.start(number), at, length) == 0

    cdef uint32_t store(self, const uint8_t* at, Py_ssize_t length) except? 0:
        cdef Py_ssize_t units = units_of(length)
        cdef uint8_t* to
        cdef uint32_t place
        if length > LONGEST:
            raise ValueError(f"text has {length} bytes; allowed: at most {LONGEST}")
        if self.chunk_count == 0 or self.filled + units > CHUNK_UNITS:
            self.add_chunk()
        place = <uint32_t>((self.chunk_count - 1) << CHUNK_SHIFT | self.filled)
        to = self.chunks[self.chunk_count - 1] + self.filled * UNIT
        self.filled += units
        to[0] = <uint8_t>(length & 0xFF)
        to[1] = <uint8_t>(length >> 8)
        memcpy(to + HEAD, at, length)
        return place

    cdef int add_chunk(self) except -1:
        cdef void* larger = realloc(self.chunks, (self.chunk_count + 1) * sizeof(void*))
        if larger == NULL:
            raise MemoryError("a list of chunks")
        self.chunks = <uint8_t**>larger
        self.chunks[self.chunk_count] = <uint8_t*>calloc(CHUNK_BYTES, 1)
        if self.chunks[self.chunk_count] == NULL:
            raise MemoryError(f"{CHUNK_BYTES} bytes for texts")
        self.chunk_count += 1
        self.filled = 0
        return 0


cdef bint are_within(
    const uint32_t* places, Py_ssize_t count, const uint8_t* raw, Py_ssize_t size
) noexcept:
    """Whether each text, its length included, is inside the bytes and inside one chunk."""
    cdef Py_ssize_t at
    cdef Py_ssize_t begin
    cdef Py_ssize_t end
    for at in range(count):
        begin = <Py_ssize_t>places[at] * UNIT
        if begin + HEAD > size:
            return False
        end = begin + HEAD + (raw[begin] | <Py_ssize_t>raw[begin + 1] << 8)
        if end > size or end > (begin // CHUNK_BYTES + 1) * CHUNK_BYTES:
            return False
    return True


cdef inline Py_ssize_t units_of(Py_ssize_t length) noexcept nogil:
    return (length + HEAD + UNIT - 1) // UNIT


cdef inline void put(Slot* slots, uint32_t mask, uint32_t tag, uint32_t id) noexcept nogil:
    cdef uint32_t at = tag & mask
    while slots[at].id != 0:
        at = (at + 1) & mask
    slots[at].tag = tag
    slots[at].id = id


cdef class HashTable:
    """Ids, 1 and up, by hash: open addressing with linear probing, at most three quarters full.

    Which of the ids under one hash is meant is for the caller to compare. Removed ids leave a mark
    that goes when the table grows; removed ones count as used until then.
    """

    def __cinit__(self):
        self.mask = SMALLEST_TABLE - 1
        self.slots = <Slot*>calloc(SMALLEST_TABLE, sizeof(Slot))
        if self.slots == NULL:
            raise MemoryError("a hash table")

    def __dealloc__(self):
        self.release(self.slots)
        self.release(self.old)

    def dump(self):
        """All slots: pairs of a tag and an id, once no older table is left."""
        cdef uint32_t[::1] words
        if self.old != NULL:
            self.move(self.old_mask + 1)
        words = empty(2 * (<Py_ssize_t>self.mask + 1), uint32)
        memcpy(&words[0], self.slots, words.shape[0] * sizeof(uint32_t))
        return words.base

    def load(self, uint32_t[::1] words not None, uint32_t count):
        """Takes over what `dump` gave, without a copy.

        Raises ValueError for slots that are no table, or that hold ids which are not below `count`.
        """
        cdef Py_ssize_t size = words.shape[0] // 2
        cdef Slot* slots
        cdef Py_ssize_t used
        if size < SMALLEST_TABLE or size > (<Py_ssize_t>1 << 32) or words.shape[0] % 2 or (
            size & (size - 1)
        ):
            raise ValueError(f"{size} slots; allowed: a power of two")
        slots = <Slot*>&words[0]
        used = used_slots(slots, size, count)
        if used < 0 or used > size // 4 * 3:
            raise ValueError("the slots of a table are too full, or hold an id that is not there")
        self.release(self.slots)
        self.release(self.old)
        self.old = NULL
        self.loaded, self.loaded_slots = words, slots
        self.slots, self.mask, self.used = slots, <uint32_t>(size - 1), used

    cdef void release(self, Slot* slots) noexcept:
        if slots != NULL and slots == self.loaded_slots:
            self.loaded, self.loaded_slots = None, NULL
        else:
            free(slots)

    cdef int insert(self, uint64_t hash, uint32_t id) except -1:
        if self.old != NULL:
            self.move(MOVED_AT_ONCE)
        if self.used >= (<Py_ssize_t>self.mask + 1) // 4 * 3:
            self.grow()
        put(self.slots, self.mask, <uint32_t>hash, id)
        self.used += 1
        return 0

    cdef int grow(self) except -1:
        cdef Py_ssize_t size = (<Py_ssize_t>self.mask + 1) * 2
        cdef Slot* slots
        if self.old != NULL:
            self.move(self.old_mask + 1)
        slots = <Slot*>calloc(size, sizeof(Slot))
        if slots == NULL:
            raise MemoryError(f"a hash table of {size} slots")
        self.old, self.old_mask, self.moved = self.slots, self.mask, 0
        self.slots, self.mask = slots, <uint32_t>(size - 1)
        self.used = 0
        return 0

    cdef void move(self, uint32_t most) noexcept:
        """Copies entries of the old table over; they stay there until all are moved, so that what
        was put behind them is still found."""
        cdef uint32_t last = min(self.moved + most, self.old_mask + 1)
        cdef Slot* slot
        while self.moved < last:
            slot = &self.old[self.moved]
            self.moved += 1
            if slot.id != 0 and slot.id != REMOVED:
                put(self.slots, self.mask, slot.tag, slot.id)
                self.used += 1
        if self.moved == self.old_mask + 1:
            self.release(self.old)
            self.old = NULL

    cdef bint replace(self, uint64_t hash, uint32_t id, uint32_t by) noexcept:
        """Puts another id, or REMOVED, where this one stands; whether it stood anywhere."""
        cdef bint found = change(self.slots, self.mask, <uint32_t>hash, id, by)
        if self.old != NULL:
            found |= change(self.old, self.old_mask, <uint32_t>hash, id, by)
        return found


cdef bint change(Slot* slots, uint32_t mask, uint32_t tag, uint32_t id, uint32_t by) noexcept:
    cdef uint32_t at = tag & mask
    while slots[at].id != 0:
        if slots[at].id == id and slots[at].tag == tag:
            slots[at].id = by
            if by == REMOVED:
                slots[at].tag = 0
            return True
        at = (at + 1) & mask
    return False


cdef Py_ssize_t used_slots(const Slot* slots, Py_ssize_t size, uint32_t count) noexcept:
    """How many slots are taken, -1 where one has an id that is not below `count`."""
    cdef Py_ssize_t used = 0
    cdef Py_ssize_t at
    for at in range(size):
        if slots[at].id >= count and slots[at].id != REMOVED:
            return -1
        used += slots[at].id != 0
    return used
