# The market summary: one pass over the offers of a snapshot. reference_market.py is the twin and
# says more.

from libc.stdint cimport INT64_MAX, int64_t, uint16_t, uint32_t, uint64_t

from engine._lanes cimport LANES, LaneFilter, LaneScan, count_bits, first_bit, lanes_scan
from engine._rules cimport lower
from engine._schema cimport (
    CLASS_AMAZON,
    CLASS_MERCHANT_FULFILLED,
    CONDITION_BITS,
    CONDITION_MASK,
    CONDITION_SHIFT,
    OFFER_AMAZON,
    OFFER_FULFILLED_BY_AMAZON,
    OFFER_NOT_WINNER,
    OFFER_OWN_ACCOUNT,
    OFFER_PRIME,
    OFFER_WINNER,
    STATUS_SUPPRESSED,
    Row,
    Snapshot,
    Strategy,
)

cdef struct Offers:
    # IN: columns of one batch; `pool` holds sorted ranges of seller keys.
    const int64_t* landed_minor
    const uint64_t* seller
    const uint32_t* bits
    const uint32_t* rating_count
    const uint16_t* rating_bp
    const uint16_t* handling_hours
    const uint64_t* pool

cdef struct Market:
    # Landed prices; zero: none.
    int64_t[4] lowest  # eligible, by ReferenceClass
    int64_t target_minor  # cheapest offer of the strategy's target sellers
    int64_t next_minor  # cheapest eligible offer above ours
    int64_t winner_minor  # cheapest competitor who holds the Buy Box
    int64_t unfiltered_minor  # the same among those outside the filter
    int64_t own_landed_minor
    int64_t own_price_minor
    int64_t reference_minor
    int target_class
    int winner_class
    int unfiltered_class
    int reference_class
    int eligible_count
    int draw  # -1: no evidence, 0: lost, 1: won
    bint eligible_winner
    bint own_winner
    bint own_known_loser
    bint sister_winner
    bint nobody_featured
    bint alone


cdef inline int offer_class(uint32_t bits) noexcept nogil:
    # No jumps: what the next offer is cannot be predicted.
    cdef int amazons = (bits & (OFFER_FULFILLED_BY_AMAZON | OFFER_PRIME)) != 0
    cdef int amazon = (bits & OFFER_AMAZON) != 0
    return (CLASS_MERCHANT_FULFILLED - amazons) | (CLASS_AMAZON * amazon)


cdef inline int64_t rank(int64_t landed, bint counts) noexcept nogil:
    # Orders prices as `lower` does, with what is no price last, so that a minimum can choose.
    return landed if (landed > 0) & counts else INT64_MAX


cdef inline int64_t price_of(int64_t rank) noexcept nogil:
    return 0 if rank == INT64_MAX else rank


cdef inline bint in_pool(
    const uint64_t* pool, uint32_t begin, uint32_t end, uint64_t seller
) noexcept nogil:
    cdef uint32_t last = end
    cdef uint32_t middle
    while begin < end:
        middle = begin + (end - begin) // 2
        if pool[middle] < seller:
            begin = middle + 1
        else:
            end = middle
    return begin < last and pool[begin] == seller


cdef inline uint32_t forbidden_bits(const Row* r, const Strategy* s) noexcept nogil:
    cdef uint32_t bits = s.forbidden_bits
    cdef uint32_t own
    if not s.any_condition and r.flags & CONDITION_BITS:
        own = <uint32_t>1 << (CONDITION_SHIFT + (r.flags & CONDITION_BITS))
        bits |= <uint32_t>CONDITION_MASK & ~own
    return bits


cdef inline bint listed(
    const Strategy* s, const Offers* offers, Py_ssize_t at, bint any_include
) noexcept nogil:
    # Whether the lists of sellers let an offer count.
    cdef uint64_t seller = offers.seller[at]
    if any_include and not in_pool(offers.pool, s.include_begin, s.include_end, seller):
        return False
    return not in_pool(offers.pool, s.exclude_begin, s.exclude_end, seller)


cdef inline bint eligible(
    const Strategy* s, const Offers* offers, uint32_t forbidden, Py_ssize_t at
) noexcept nogil:
    # One test instead of four jumps: which of them fails is hard to predict.
    cdef bint plain = (
        ((offers.bits[at] & forbidden) == 0)
        & (offers.rating_bp[at] >= s.min_rating_bp)
        & (offers.rating_count[at] >= s.min_rating_count)
        & (offers.handling_hours[at] <= s.max_handling_hours)
    )
    cdef bint any_include = s.include_begin < s.include_end
    if not any_include and s.exclude_begin >= s.exclude_end:
        return plain
    return plain and listed(s, offers, at, any_include)


cdef inline void add_winner(
    Market* m, int64_t landed, int kind, bint own, bint other, bint passes
) noexcept nogil:
    if not other:
        m.sister_winner |= not own
        return
    if lower(m.winner_minor, landed):
        m.winner_minor = landed
        m.winner_class = kind
    if not passes and lower(m.unfiltered_minor, landed):
        m.unfiltered_minor = landed
        m.unfiltered_class = kind
    m.eligible_winner |= passes


cdef inline void add_target(
    Market* m, const Strategy* s, const Offers* offers, int64_t landed, int kind, Py_ssize_t at
) noexcept nogil:
    cdef bint targeted = in_pool(offers.pool, s.target_begin, s.target_end, offers.seller[at])
    if targeted and lower(m.target_minor, landed):
        m.target_minor = landed
        m.target_class = kind


cdef inline void add_competitors(
    Market* m, const Strategy* s, const Snapshot* snapshot, const Offers* offers,
    uint32_t forbidden,
) noexcept nogil:
    # Offers that do not count have the last rank and pass without a jump.
    cdef int64_t[4] lowest
    cdef int64_t next_above = INT64_MAX
    cdef int64_t landed
    cdef uint32_t bits
    cdef int kind
    cdef bint other, passes
    cdef Py_ssize_t own = snapshot.own_offer
    cdef Py_ssize_t at
    lowest[1] = lowest[2] = lowest[3] = INT64_MAX
    for at in range(snapshot.offer_begin, snapshot.offer_end):
        bits = offers.bits[at]
        landed = offers.landed_minor[at]
        kind = offer_class(bits)
        other = (at != own) & ((bits & OFFER_OWN_ACCOUNT) == 0)
        passes = other & eligible(s, offers, forbidden, at)
        lowest[kind] = min(lowest[kind], rank(landed, passes))
        next_above = min(next_above, rank(landed, passes & (landed > m.own_landed_minor)))
        m.eligible_count += passes
        if bits & OFFER_WINNER:
            add_winner(m, landed, kind, at == own, other, passes)
        if s.target_begin < s.target_end and other:
            add_target(m, s, offers, landed, kind, at)
    m.next_minor = price_of(next_above)
    for kind in range(1, 4):
        m.lowest[kind] = price_of(lowest[kind])


cdef inline bint fits_lanes(const Strategy* s, const Snapshot* snapshot) noexcept nogil:
    cdef uint32_t count = snapshot.offer_end - snapshot.offer_begin
    return LANES > 0 and 8 <= count <= 64 and s.target_begin >= s.target_end


cdef inline uint64_t allowed_sellers(
    const Strategy* s, const Snapshot* snapshot, const Offers* offers
) noexcept nogil:
    # A bit an offer of at most 64, whether the strategy's lists of sellers let it count.
    cdef bint any_include = s.include_begin < s.include_end
    cdef uint64_t allowed = 0
    cdef uint32_t at
    if not any_include and s.exclude_begin >= s.exclude_end:
        return ~<uint64_t>0
    for at in range(snapshot.offer_begin, snapshot.offer_end):
        allowed |= <uint64_t>listed(s, offers, at, any_include) << (at - snapshot.offer_begin)
    return allowed


cdef inline void add_lanes(
    Market* m, const Strategy* s, const Snapshot* snapshot, const Offers* offers,
    uint32_t forbidden,
) noexcept nogil:
    # The same as `add_competitors`, eight offers at a time.
    cdef LaneFilter f
    cdef LaneScan found
    cdef Py_ssize_t at
    cdef uint64_t left
    cdef uint32_t bits
    cdef int place, kind
    cdef bint other
    f.forbidden = forbidden | OFFER_OWN_ACCOUNT
    f.min_rating_count, f.min_rating_bp = s.min_rating_count, s.min_rating_bp
    f.max_handling_hours = s.max_handling_hours
    f.amazon_bits, f.winner_bits = OFFER_AMAZON, OFFER_WINNER
    f.amazon_fulfilled_bits = OFFER_FULFILLED_BY_AMAZON | OFFER_PRIME
    f.own, f.own_landed_minor = snapshot.own_offer, m.own_landed_minor
    f.allowed = allowed_sellers(s, snapshot, offers)
    lanes_scan(
        offers.landed_minor, offers.bits, offers.rating_count, offers.rating_bp,
        offers.handling_hours, snapshot.offer_begin, snapshot.offer_end, &f, &found,
    )
    m.eligible_count = count_bits(found.passes)
    m.next_minor = price_of(found.next_above)
    for kind in range(1, 4):
        m.lowest[kind] = price_of(found.lowest[kind])
    left = found.winners
    while left != 0:
        place = first_bit(left)
        at = snapshot.offer_begin + place
        bits = offers.bits[at]
        other = (at != snapshot.own_offer) & ((bits & OFFER_OWN_ACCOUNT) == 0)
        add_winner(
            m, offers.landed_minor[at], offer_class(bits), at == snapshot.own_offer, other,
            found.passes >> place & 1,
        )
        left &= left - 1


cdef inline void add_own(Market* m, uint32_t bits) noexcept nogil:
    m.own_winner = (bits & OFFER_WINNER) != 0
    m.own_known_loser = (bits & OFFER_NOT_WINNER) != 0


cdef inline int64_t lowest_of_all(const Market* m, int* kind) noexcept nogil:
    cdef int64_t best = 0
    cdef int at
    kind[0] = 0
    for at in range(1, 4):
        if lower(best, m.lowest[at]):
            best = m.lowest[at]
            kind[0] = at
    return best


cdef inline void conclude(Market* m, const Strategy* s, const Snapshot* snapshot) noexcept nogil:
    cdef bint other_winner = m.winner_minor > 0 or unseen_winner(m, snapshot)
    m.reference_minor = lowest_of_all(m, &m.reference_class)
    if s.respect_unfiltered_winner and not m.own_winner and not m.eligible_winner:
        if m.unfiltered_minor:
            m.reference_minor = m.unfiltered_minor
            m.reference_class = m.unfiltered_class
        elif m.eligible_count == 0 and unseen_winner(m, snapshot):
            m.reference_minor = snapshot.featured_minor
            m.reference_class = 0
    m.nobody_featured = snapshot.buy_box_status == STATUS_SUPPRESSED
    m.alone = m.eligible_count == 0 and not other_winner and not m.sister_winner
    if m.own_winner:
        m.draw = 1
    elif lost(m, snapshot):
        m.draw = 0


cdef inline bint lost(const Market* m, const Snapshot* snapshot) noexcept nogil:
    if m.winner_minor > 0:
        return m.own_landed_minor > 0
    return m.own_known_loser and unseen_winner(m, snapshot)


cdef inline bint unseen_winner(const Market* m, const Snapshot* snapshot) noexcept nogil:
    if m.own_winner or m.winner_minor > 0 or m.sister_winner:
        return False
    if snapshot.buy_box_status == STATUS_SUPPRESSED:
        return False
    return snapshot.featured_minor > 0 and snapshot.featured_minor != m.own_landed_minor


cdef inline void summarise(
    Market* m, const Row* r, const Strategy* s, const Snapshot* snapshot, const Offers* offers
) noexcept nogil:
    # `m` comes zeroed.
    cdef Py_ssize_t own = snapshot.own_offer
    m.draw = -1
    if own >= 0:
        m.own_landed_minor = offers.landed_minor[own]
        m.own_price_minor = snapshot.own_price_minor
    if snapshot.offer_begin <= own < snapshot.offer_end:
        add_own(m, offers.bits[own])
    if fits_lanes(s, snapshot):
        add_lanes(m, s, snapshot, offers, forbidden_bits(r, s))
    else:
        add_competitors(m, s, snapshot, offers, forbidden_bits(r, s))
    conclude(m, s, snapshot)
