# What memory alone costs: the yardstick of the kernel's benchmark.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

from engine._market cimport Offers
from engine._schema cimport Row, Snapshot
from engine._slice cimport AHEAD, PREFETCH_ROW

cdef struct OfferSpace:
    # OUT: columns as long as those of the batch.
    int64_t* landed_minor
    uint64_t* seller
    uint32_t* bits
    uint32_t* rating_count
    uint16_t* rating_bp
    uint16_t* handling_hours


cdef inline void copy_loop(
    Row* rows,
    Row* scratch,
    const Snapshot* snapshots,  # IN
    Py_ssize_t first,
    Py_ssize_t last,
    const Offers* offers,  # IN
    OfferSpace* space,  # OUT
) noexcept nogil:
    cdef Py_ssize_t at
    cdef Py_ssize_t slot = 0
    cdef uint32_t listing_id
    for at in range(first, min(first + AHEAD, last)):
        PREFETCH_ROW(&rows[snapshots[at].listing_id])
    for at in range(first, last):
        if at + AHEAD < last:
            PREFETCH_ROW(&rows[snapshots[at + AHEAD].listing_id])
        listing_id = snapshots[at].listing_id
        scratch[slot] = rows[listing_id]
        copy_offers(offers, space, snapshots[at].offer_begin, snapshots[at].offer_end)
        rows[listing_id] = scratch[slot]
        slot += 1


cdef inline void copy_offers(
    const Offers* offers, OfferSpace* space, Py_ssize_t begin, Py_ssize_t end
) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(begin, end):
        space.landed_minor[at] = offers.landed_minor[at]
        space.seller[at] = offers.seller[at]
        space.bits[at] = offers.bits[at]
        space.rating_count[at] = offers.rating_count[at]
        space.rating_bp[at] = offers.rating_bp[at]
        space.handling_hours[at] = offers.handling_hours[at]
