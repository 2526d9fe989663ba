# Which listings a name stands for: natural keys and ASINs.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from engine._schema cimport Record
from engine._tables cimport HashTable, Probe, Texts, next_id, probe
from engine._texts cimport xxh64
from engine._wire_address cimport BY_ASIN, BY_KEY, Address

cdef extern from *:
    """
    #define PREFETCH(address) __builtin_prefetch((address), 0)
    """
    void PREFETCH(const void* address) noexcept nogil


cdef class Names:
    cdef readonly Texts sellers
    cdef readonly Texts marketplaces
    cdef readonly Texts skus
    cdef readonly Texts asins
    cdef HashTable keys
    cdef HashTable asin_heads  # the lowest id of each ASIN key
    cdef uint32_t[::1] chain
    cdef uint32_t* following  # by id, the next one of its ASIN key; the chain's memory

    cdef uint32_t first_like(self, const uint8_t[::1] records, uint32_t id, uint64_t hash) noexcept


cdef inline uint64_t name_hash(
    Names names, int kind, const Record* record, Texts texts, uint32_t id
) noexcept nogil:
    """_wire_address.address_hash of a listing."""
    cdef uint64_t seed = kind | record.audience << 8
    if kind == BY_ASIN:
        seed |= record.condition << 16
    seed = xxh64(
        names.sellers.start(record.seller), names.sellers.length(record.seller), seed
    )
    seed = xxh64(
        names.marketplaces.start(record.marketplace),
        names.marketplaces.length(record.marketplace),
        seed,
    )
    return xxh64(texts.start(id), texts.length(id), seed)


cdef inline bint is_named(
    Names names, const Address* address, const uint8_t* base, const Record* record, uint32_t id
) noexcept nogil:
    """Whether an address names this listing, byte by byte."""
    if address.audience != record.audience:
        return False
    if address.kind == BY_KEY:
        if not names.skus.equals(id, base + address.name_at, address.name_length):
            return False
    elif address.condition != record.condition or not names.asins.equals(
        id, base + address.name_at, address.name_length
    ):
        return False
    return names.sellers.equals(
        record.seller, base + address.seller_at, address.seller_length
    ) and names.marketplaces.equals(
        record.marketplace, base + address.marketplace_at, address.marketplace_length
    )


cdef inline uint32_t find_name(
    Names names, const Address* address, const uint8_t* base, const Record* records
) noexcept nogil:
    """Listing of a key, or the first one of an ASIN; 0: none."""
    cdef Probe walk
    cdef uint32_t id
    if address.kind == BY_KEY:
        walk = probe(names.keys, address.hash)
    else:
        walk = probe(names.asin_heads, address.hash)
    id = next_id(&walk)
    while id != 0 and not is_named(names, address, base, &records[id], id):
        id = next_id(&walk)
    return id
