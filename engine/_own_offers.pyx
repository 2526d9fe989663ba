"""Finds a listing's own offer among the others and marks the offers of its account group."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from engine._names cimport Names
from engine._schema cimport (
    OFFER_FULFILLED_BY_AMAZON,
    OFFER_FULFILLED_BY_MERCHANT,
    OFFER_OWN_ACCOUNT,
    Record,
    Snapshot,
)
from engine._wire_offer cimport SkuEntry, bit, FULFILMENT_BIT

cdef struct Sellers:
    # IN: all sellers; `places` is a power of two long and at most half full, by hash.
    const uint32_t* places  # index of a seller plus one; 0: free
    uint32_t mask
    const uint64_t* hashes  # by index
    const int64_t* groups  # by index

cdef struct Skus:
    # IN: SKUs that offers name, by offer, and the bytes that they stand in.
    const SkuEntry* entries
    Py_ssize_t count
    const uint8_t* base

cdef struct Found:
    # Own offers of one listing that fit.
    Py_ssize_t count
    int32_t offer  # one of them
    bint named  # one of them names its SKU


cdef inline int64_t group_of(const Sellers* sellers, uint64_t hash) noexcept nogil:
    """Account group of a seller; -1: not one of ours."""
    cdef uint32_t at = <uint32_t>hash & sellers.mask
    cdef uint32_t index
    while sellers.places[at] != 0:
        index = sellers.places[at] - 1
        if sellers.hashes[index] == hash:
            return sellers.groups[index]
        at = (at + 1) & sellers.mask
    return -1


cdef inline const SkuEntry* sku_of(const Skus* skus, uint32_t offer) noexcept nogil:
    """The SKU that an offer names; NULL: none."""
    cdef Py_ssize_t low = 0
    cdef Py_ssize_t high = skus.count
    cdef Py_ssize_t middle
    while low < high:
        middle = (low + high) // 2
        if skus.entries[middle].offer < offer:
            low = middle + 1
        else:
            high = middle
    if low < skus.count and skus.entries[low].offer == offer:
        return &skus.entries[low]
    return NULL


cdef inline void consider(
    Names names, const Skus* skus, uint32_t bits, uint32_t fulfilment, uint32_t id, uint32_t offer,
    Found* found,
) noexcept nogil:
    """Counts an offer of the listing's seller if nothing says that it is another listing's."""
    cdef const SkuEntry* sku
    cdef uint32_t reported = bits & (OFFER_FULFILLED_BY_AMAZON | OFFER_FULFILLED_BY_MERCHANT)
    cdef uint32_t wanted = bit(FULFILMENT_BIT, fulfilment)
    if reported != 0 and wanted != 0 and reported != wanted:
        return
    sku = sku_of(skus, offer)
    if sku != NULL:
        if not names.skus.equals(id, skus.base + sku.at, sku.length):
            return
        found.named = True
    found.count += 1
    found.offer = <int32_t>offer


cdef Py_ssize_t mark_rows(
    Names names,
    Snapshot* snapshots,  # IN, OUT
    Py_ssize_t count,
    const Record* records,  # IN
    const uint8_t* shares_asin,  # IN
    const Sellers* sellers,
    const Skus* skus,
    const uint64_t* seller,  # IN
    const int64_t* item_minor,  # IN
    uint32_t* bits,  # OUT: flag OWN_ACCOUNT only
) noexcept nogil:
    """Returns how many listings' own offers stay unknown among several."""
    cdef Py_ssize_t ambiguous = 0
    cdef Py_ssize_t at
    cdef Snapshot* snapshot
    cdef const Record* record
    cdef uint64_t own
    cdef int64_t group
    cdef bint shared
    cdef uint32_t offer
    cdef Found found
    for at in range(count):
        snapshot = &snapshots[at]
        record = &records[snapshot.listing_id]
        own, group = sellers.hashes[record.seller], sellers.groups[record.seller]
        found.count, found.offer, found.named = 0, -1, False
        for offer in range(snapshot.offer_begin, snapshot.offer_end):
            if seller[offer] == own:
                bits[offer] |= OFFER_OWN_ACCOUNT
                consider(
                    names, skus, bits[offer], record.fulfilment, snapshot.listing_id, offer, &found
                )
            elif group_of(sellers, seller[offer]) == group:
                bits[offer] |= OFFER_OWN_ACCOUNT
        shared = shares_asin[snapshot.listing_id] != 0 and not found.named
        snapshot.own_offer, snapshot.own_price_minor = -1, 0
        if found.count == 1 and not shared:
            snapshot.own_offer = found.offer
            snapshot.own_price_minor = item_minor[found.offer]
        elif found.count > 0:
            ambiguous += 1
    return ambiguous


def mark_own(
    Names names not None,
    Snapshot[::1] snapshots not None,  # IN, OUT: own_offer and own_price_minor
    const uint8_t[::1] records not None,  # IN
    const uint8_t[::1] shares_asin not None,  # IN
    const uint32_t[::1] seller_places not None,  # IN
    const uint64_t[::1] seller_hashes not None,  # IN
    const int64_t[::1] seller_groups not None,  # IN
    const SkuEntry[::1] skus not None,  # IN
    const uint8_t[::1] texts not None,  # IN
    const uint64_t[::1] seller not None,  # IN
    const int64_t[::1] item_minor not None,  # IN
    uint32_t[::1] bits not None,  # OUT
):
    """Sets own offers of resolved snapshots; returns how many stayed ambiguous."""
    cdef Sellers sellers
    cdef Skus named
    cdef Py_ssize_t ambiguous
    if snapshots.shape[0] == 0:
        return 0
    sellers.places, sellers.mask = &seller_places[0], <uint32_t>(seller_places.shape[0] - 1)
    sellers.hashes, sellers.groups = &seller_hashes[0], &seller_groups[0]
    named.entries = &skus[0] if skus.shape[0] > 0 else NULL
    named.count = skus.shape[0]
    named.base = &texts[0] if texts.shape[0] > 0 else NULL
    cdef const uint64_t* hashes = &seller[0] if seller.shape[0] > 0 else NULL
    cdef const int64_t* items = &item_minor[0] if item_minor.shape[0] > 0 else NULL
    cdef uint32_t* marked = &bits[0] if bits.shape[0] > 0 else NULL
    with nogil:
        ambiguous = mark_rows(
            names, &snapshots[0], snapshots.shape[0], <const Record*>&records[0], &shares_asin[0],
            &sellers, &named, hashes, items, marked,
        )
    return ambiguous
