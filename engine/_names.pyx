"""Which listings a name stands for: natural keys and ASINs, found by hash and compared by bytes.

Listings of one ASIN key are chained in the order of their ids, so that what a row by ASIN leads to
depends on which listings there are and not on the order in which they came.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from numpy import empty, uint8, uint32

from engine._schema cimport FLAG_ACTIVE, Record, Row
from engine._tables cimport REMOVED, HashTable, Probe, Slot, Texts, next_id, probe
from engine._wire_address cimport BY_ASIN, BY_ID, BY_KEY, Address, address_hash

cdef enum:
    AHEAD = 16  # rows whose slot, and half of that whose record, is asked for before their turn

cdef enum Problem:  # resolve.RowState
    GOOD = 0
    IN_FUTURE = 1
    UNKNOWN = 2
    OTHER_CURRENCY = 3
    TOO_MANY = 4


cdef class Names:
    """Texts of sellers and marketplaces by index, of SKUs and ASINs by listing, and who has them.

    `records` is the catalogue's `schema.RECORD` as bytes; the caller has filled in the record of
    a listing before it enters, and takes the listing out before that changes. The chain that
    `follow` gets must be as long as the records.
    """

    def __cinit__(self):
        self.sellers, self.marketplaces = Texts(), Texts()
        self.skus, self.asins = Texts(), Texts()
        self.keys, self.asin_heads = HashTable(), HashTable()

    def follow(self, uint32_t[::1] chain not None):
        """Keeps the next listing of each ASIN key in this column, by id, from now on."""
        self.chain = chain
        self.following = &chain[0]

    def dump(self):
        """Texts of listings and both tables as columns, by name."""
        columns = {"keys": self.keys.dump(), "asin_heads": self.asin_heads.dump()}
        columns["skus"], columns["sku_places"] = self.skus.dump()
        columns["asins"], columns["asin_places"] = self.asins.dump()
        return columns

    def load(self, dict columns not None, uint32_t count):
        """Takes over what `dump` gave for ids below `count`; the arrays belong to it from then on.

        Raises ValueError for columns that contradict themselves, KeyError for a missing one.
        """
        self.skus, self.asins = Texts(), Texts()
        self.skus.load(columns["skus"], columns["sku_places"])
        self.asins.load(columns["asins"], columns["asin_places"])
        self.keys.load(columns["keys"], count)
        self.asin_heads.load(columns["asin_heads"], count)
        if len(self.skus) != count or len(self.asins) != count:
            raise ValueError(f"{len(self.skus)} SKUs and {len(self.asins)} ASINs; allowed: {count}")

    def enter_key(self, const uint8_t[::1] records not None, uint32_t id):
        """Finds the listing under its natural key from now on."""
        cdef const Record* record = record_at(records, id)
        self.keys.insert(name_hash(self, BY_KEY, record, self.skus, id), id)

    def leave_key(self, const uint8_t[::1] records not None, uint32_t id):
        """Forgets the natural key of a listing."""
        cdef const Record* record = record_at(records, id)
        self.keys.replace(name_hash(self, BY_KEY, record, self.skus, id), id, REMOVED)

    def find(
        self,
        const uint8_t[::1] records not None,
        int kind,
        str seller not None,
        str marketplace not None,
        str name not None,
        int audience,
        int condition,
    ):
        """Listing of a key, or the first one of an ASIN (`addresses.AddressKind`); 0: none."""
        cdef bytes texts = b"".join((seller.encode(), marketplace.encode(), name.encode()))
        cdef const uint8_t* base = texts
        cdef Address address
        memset(&address, 0, sizeof(Address))
        if not 0 <= audience < 256 or not 0 <= condition < 256:
            return 0
        address.kind, address.audience, address.condition = kind, audience, condition
        address.seller_length = len(seller.encode())
        address.marketplace_at = address.seller_length
        address.marketplace_length = len(marketplace.encode())
        address.name_at = address.marketplace_at + address.marketplace_length
        address.name_length = len(texts) - address.name_at
        address.hash = address_hash(&address, base)
        return find_name(self, &address, base, <const Record*>&records[0])

    def join_asin(self, const uint8_t[::1] records not None, uint32_t id):
        """Puts a listing among those of its ASIN key."""
        cdef const Record* record = record_at(records, id)
        cdef uint64_t hash = name_hash(self, BY_ASIN, record, self.asins, id)
        cdef uint32_t before = self.first_like(records, id, hash)
        self.following[id] = 0
        if before == 0:
            self.asin_heads.insert(hash, id)
        elif before > id:
            self.following[id] = before
            self.asin_heads.replace(hash, before, id)
        else:
            while self.following[before] != 0 and self.following[before] < id:
                before = self.following[before]
            self.following[id] = self.following[before]
            self.following[before] = id

    def leave_asin(self, const uint8_t[::1] records not None, uint32_t id):
        """Takes a listing out of those of its ASIN key, if it is there."""
        cdef const Record* record = record_at(records, id)
        cdef uint64_t hash = name_hash(self, BY_ASIN, record, self.asins, id)
        cdef uint32_t before = self.first_like(records, id, hash)
        if before == id:
            self.asin_heads.replace(hash, id, self.following[id] if self.following[id] else REMOVED)
            return
        while before != 0 and self.following[before] != id:
            before = self.following[before]
        if before != 0:
            self.following[before] = self.following[id]

    def sharing(self, const uint8_t[::1] records not None, uint32_t id):
        """Ids of all listings that have the ASIN key of this one, in order."""
        cdef const Record* record = record_at(records, id)
        cdef uint64_t hash = name_hash(self, BY_ASIN, record, self.asins, id)
        cdef uint32_t at = self.first_like(records, id, hash)
        cdef list found = []
        while at != 0:
            found.append(at)
            at = self.following[at]
        return found

    cdef uint32_t first_like(self, const uint8_t[::1] records, uint32_t id, uint64_t hash) noexcept:
        """The first listing with the ASIN key of this one; 0: none."""
        cdef const Record* all_records = <const Record*>&records[0]
        cdef const Record* wanted = &all_records[id]
        cdef const Record* record
        cdef Probe walk = probe(self.asin_heads, hash)
        cdef uint32_t at = next_id(&walk)
        while at != 0:
            record = &all_records[at]
            if (
                record.seller == wanted.seller and record.marketplace == wanted.marketplace
                and record.audience == wanted.audience and record.condition == wanted.condition
                and self.asins.equals(at, self.asins.start(id), self.asins.length(id))
            ):
                return at
            at = next_id(&walk)
        return 0


cdef const Record* record_at(const uint8_t[::1] records, uint32_t id) except NULL:
    if <Py_ssize_t>((id + 1) * sizeof(Record)) > records.shape[0]:
        raise IndexError(f"id is {id}; allowed: below {records.shape[0] // sizeof(Record)}")
    return &(<const Record*>&records[0])[id]


cdef inline void look_ahead(
    const Slot* slot, const uint32_t* places, const Record* records, bint near
) noexcept nogil:
    """Asks for a slot or, when that is near, for what the listing in it has."""
    if not near:
        PREFETCH(slot)
    elif slot.id != 0 and slot.id != REMOVED:
        PREFETCH(&records[slot.id])
        PREFETCH(&places[slot.id])


cdef inline void look_at(
    Names names, const Address* address, const Record* records, bint near
) noexcept nogil:
    cdef uint32_t tag = <uint32_t>address.hash
    if address.kind == BY_KEY:
        look_ahead(&names.keys.slots[tag & names.keys.mask], names.skus.places, records, near)
    elif address.kind == BY_ASIN:
        look_ahead(
            &names.asin_heads.slots[tag & names.asin_heads.mask], names.asins.places, records, near
        )


cdef Py_ssize_t find_first(
    Names names,
    const Address* addresses,  # IN
    Py_ssize_t count,
    const uint8_t* base,  # IN
    const Row* rows,  # IN
    const Record* records,  # IN
    Py_ssize_t row_count,
    uint32_t* first,  # OUT: the first listing of each address, 0: none
) noexcept nogil:
    """Returns how many listings all addresses name together."""
    cdef Py_ssize_t total = 0
    cdef Py_ssize_t at
    cdef uint32_t id
    for at in range(count):
        if at + AHEAD < count:
            look_at(names, &addresses[at + AHEAD], records, False)
        if at + AHEAD // 2 < count:
            look_at(names, &addresses[at + AHEAD // 2], records, True)
        if addresses[at].kind == BY_ID:
            id = addresses[at].listing_id
            if id >= row_count or rows[id].flags & FLAG_ACTIVE == 0:
                id = 0
            total += id != 0
        else:
            id = find_name(names, &addresses[at], base, records)
            total += id != 0
            if addresses[at].kind == BY_ASIN:
                first[at] = id
                while id != 0 and names.following[id] != 0:
                    id = names.following[id]
                    total += 1
                continue
        first[at] = id
    return total


cdef Py_ssize_t expand(
    Names names,
    const Address* addresses,  # IN
    Py_ssize_t count,
    const Record* records,  # IN
    const int64_t[:] event_ms,  # IN
    const uint8_t[:] currency,  # IN
    int64_t latest_ms,
    Py_ssize_t most,
    const uint32_t* first,  # IN
    uint32_t* positions,  # OUT
    uint32_t* ids,  # OUT
    uint8_t* problems,  # OUT
) noexcept nogil:
    """Returns how many listings of good rows there are."""
    cdef Py_ssize_t used = 0
    cdef Py_ssize_t before
    cdef Py_ssize_t at
    cdef uint32_t id
    for at in range(count):
        before = used
        id = first[at]
        problems[at] = UNKNOWN if id == 0 else GOOD
        if event_ms[at] > latest_ms:
            problems[at] = IN_FUTURE
        while id != 0 and problems[at] == GOOD:
            if currency[at] != 0 and currency[at] != records[id].currency:
                problems[at] = OTHER_CURRENCY
            elif used == most:
                problems[at] = TOO_MANY
                break
            positions[used] = <uint32_t>at
            ids[used] = id
            used += 1
            id = names.following[id] if addresses[at].kind == BY_ASIN else 0
        if problems[at] != GOOD:
            used = before
    return used


def resolve(
    Names names not None,
    const Address[::1] addresses not None,  # IN
    const uint8_t[::1] texts not None,  # IN
    const uint8_t[::1] rows not None,  # IN
    const uint8_t[::1] records not None,  # IN
    Py_ssize_t row_count,
    const int64_t[:] event_ms not None,  # IN
    const uint8_t[:] currency not None,  # IN
    int64_t latest_ms,
    Py_ssize_t most,
):
    """(positions, listing ids, problems): the place of its address for each listing of the good
    rows, `most` listings at most, and for each address a Problem. A currency of 0 is not
    compared."""
    cdef Py_ssize_t count = addresses.shape[0]
    cdef const uint8_t* base = &texts[0] if texts.shape[0] > 0 else NULL
    cdef const Row* all_rows = <const Row*>&rows[0]
    cdef const Record* all_records = <const Record*>&records[0]
    cdef uint32_t[::1] first = empty(count + 1, uint32)
    cdef uint8_t[::1] problems = empty(count + 1, uint8)
    cdef uint32_t[::1] positions
    cdef uint32_t[::1] ids
    cdef Py_ssize_t total = 0
    if event_ms.shape[0] != count or currency.shape[0] != count:
        raise ValueError(f"event_ms and currency; allowed: {count} entries, one for each address")
    if count > 0:
        with nogil:
            total = find_first(
                names, &addresses[0], count, base, all_rows, all_records, row_count, &first[0]
            )
    total = min(total, most)
    positions, ids = empty(total + 1, uint32), empty(total + 1, uint32)
    if count > 0:
        with nogil:
            total = expand(
                names, &addresses[0], count, all_records, event_ms, currency, latest_ms,
                most, &first[0], &positions[0], &ids[0], &problems[0],
            )
    return positions.base[:total], ids.base[:total], problems.base[:count]
