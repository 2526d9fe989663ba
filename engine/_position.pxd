# POSITION: a rank among the competitors. reference_position.py is the twin and says more.

from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

from engine._buybox cimport enter_alone, enter_suppressed
from engine._market cimport Market, Offers, eligible, forbidden_bits
from engine._match cimport match_landed, stay
from engine._rules cimport MILLION, divide_down
from engine._schema cimport (
    MAX_POSITION,
    OFFER_OWN_ACCOUNT,
    REASON_POSITION,
    REASON_POSITION_LAST,
    REASON_POSITION_NO_ROOM,
    REASON_POSITION_UNSEEN,
    TIE_SHARE,
    Outcome,
    Row,
    Snapshot,
    Strategy,
)

cdef struct Ranks:
    # The lowest landed prices in order; `count` of them, at most `MAX_POSITION`.
    int64_t[20] landed_minor
    int count


cdef inline void enter_rank(Ranks* ranks, int64_t landed, int last) noexcept nogil:
    cdef int at = ranks.count
    if at == last:
        if landed >= ranks.landed_minor[at - 1]:
            return
        at -= 1
    else:
        ranks.count += 1
    while at > 0 and ranks.landed_minor[at - 1] > landed:
        ranks.landed_minor[at] = ranks.landed_minor[at - 1]
        at -= 1
    ranks.landed_minor[at] = landed


cdef inline void rank_competitors(
    Ranks* ranks, const Row* r, const Strategy* s, const Snapshot* snapshot, const Offers* offers
) noexcept nogil:
    cdef uint32_t forbidden = forbidden_bits(r, s)
    cdef Py_ssize_t own = snapshot.own_offer
    cdef Py_ssize_t at
    cdef bint other
    for at in range(snapshot.offer_begin, snapshot.offer_end):
        other = at != own and offers.bits[at] & OFFER_OWN_ACCOUNT == 0
        if other and offers.landed_minor[at] > 0 and eligible(s, offers, forbidden, at):
            enter_rank(ranks, offers.landed_minor[at], s.position)


cdef inline int64_t gap_of(const Strategy* s, int64_t landed) noexcept nogil:
    return s.gap_minor + divide_down(landed * s.gap_ppm, MILLION)


cdef inline int64_t rank_target(const Ranks* ranks, const Strategy* s, int* reason) noexcept nogil:
    cdef int n = s.position
    cdef int64_t before = ranks.landed_minor[n - 2] if n > 1 else 0
    cdef int64_t at_rank, target
    reason[0] = REASON_POSITION
    if ranks.count == n - 1:
        reason[0] = REASON_POSITION_LAST
        return before + gap_of(s, before)
    at_rank = ranks.landed_minor[n - 1]
    target = at_rank - gap_of(s, at_rank)
    if target > before:
        return target
    if s.tie == TIE_SHARE:
        return at_rank
    if at_rank - 1 > before:
        return at_rank - 1
    reason[0] = REASON_POSITION_NO_ROOM
    return before if n > 1 else at_rank


cdef inline void position_offers(
    Row* r,
    const Strategy* s,
    const Market* m,
    const Snapshot* snapshot,
    const Offers* offers,
    int64_t now_s,
    Outcome* o,
) noexcept nogil:
    cdef Ranks ranks
    cdef int reason = 0
    cdef int64_t landed
    cdef int64_t shown = <int64_t>snapshot.offer_end - snapshot.offer_begin
    if m.nobody_featured and m.eligible_count > 0:
        enter_suppressed(r, s, now_s, o)
        return
    memset(&ranks, 0, sizeof(Ranks))
    rank_competitors(&ranks, r, s, snapshot, offers)
    if ranks.count < s.position and snapshot.offer_total > shown:
        stay(r, s, REASON_POSITION_UNSEEN, now_s, o)
    elif ranks.count == 0 or ranks.count < s.position - 1:
        enter_alone(r, s, m.nobody_featured, now_s, o)
    else:
        landed = rank_target(&ranks, s, &reason)
        match_landed(r, s, landed, reason, now_s, o)
