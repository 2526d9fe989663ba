# FOLLOW: a price that follows other listings. reference_follow.py is the twin and says more.

from libc.stdint cimport int64_t

from engine._buybox cimport enter_alone
from engine._match cimport match_landed, settle, stay
from engine._rules cimport held, offset_from
from engine._schedule cimport is_scheduled
from engine._schema cimport (
    KIND_FOLLOW,
    REASON_FOLLOW,
    REASON_FOLLOW_STANDALONE,
    REASON_FOLLOW_WAITS,
    REASON_NOT_APPLICABLE,
    REASON_PAUSED,
    REASON_QUIET,
    SOURCES_LOST,
    STATE_PAUSED,
    Command,
    Outcome,
    Row,
    Strategy,
)


cdef inline void follow_sources(
    Row* r, const Strategy* s, int64_t now_s, Outcome* o
) noexcept nogil:
    if r.reference_minor > 0:
        match_landed(r, s, offset_from(s, r.reference_minor, 0), REASON_FOLLOW, now_s, o)
    elif r.reference_minor != SOURCES_LOST:
        stay(r, s, REASON_FOLLOW_WAITS, now_s, o)
    elif s.standalone_minor > 0:
        settle(r, s, s.standalone_minor, REASON_FOLLOW_STANDALONE, now_s, o)
    else:
        enter_alone(r, s, False, now_s, o)


cdef inline void note_sources(
    Row* r, const Strategy* s, const Command* c, int64_t now_s, Outcome* o
) noexcept nogil:
    if s.kind != KIND_FOLLOW:
        o.ignored = 1
        o.reason = REASON_NOT_APPLICABLE
        return
    r.reference_minor = c.sources_minor
    if r.state == STATE_PAUSED:
        held(o, REASON_PAUSED)
    elif is_scheduled(s):
        held(o, REASON_QUIET)
    else:
        follow_sources(r, s, now_s, o)
