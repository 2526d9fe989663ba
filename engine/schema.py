"""Every record and code that the engine stores or passes, with sizes and offsets.

This file is the authority; `_schema.pxd` mirrors it for C and a test holds the two equal.
Prices are int64 minor units of the listing's currency. `_ppm` is parts per million, `_ms` is
milliseconds and `_s` seconds since 1970-01-01 UTC. Zero means "unknown" for prices and times.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np

RULES_VERSION = 11
"""Raised whenever the same inputs can lead to other decisions."""

MAX_PRICE_MINOR = 10**12
"""Largest amount anywhere; keeps every product in the rules inside int64."""

MAX_SHIPPING_MINOR = 10**9
"""Largest own shipping or points, so that both fit int32."""

PREMIUM_LIMIT_PPM = 8_000_000
"""Premiums are clipped to nine times the reference price: 10^12 * 8*10^6 < 2^63."""

SOURCES_LOST = -1
"""In the place of a price: the sources of FOLLOW were unknown for longer than it waits."""

PREMIUM_UNKNOWN = -(2**31)
"""A bracket end that nothing is known about."""

MAX_OFFERS = 100
"""Offers of one snapshot."""

MAX_SHARED_ASIN = 50
"""Listings of one ASIN key: a row that names the ASIN is evaluated for each of them."""

MAX_LISTINGS_NAMED = 400_000
"""Listings that all rows of one input may name together."""

MAX_SELLER_LIST = 100
"""Sellers of one include, exclude or target list."""

MAX_MATCH_TARGETS = 4

MAX_TIERS = 5
"""Quantity prices of one B2B listing."""

MAX_ENDINGS = 8
"""Price endings of one strategy."""

MAX_POSITION = 20
"""A marketplace shows at most the twenty lowest offers."""

MAX_PUSH_STEPS = 8
"""Steps of the first part of PUSH, thresholds of DAILY_PUSH, and rules of PUSH's second part."""

GRID_CELLS = 28
"""Thresholds of the learner's grid."""

MAX_DRAWS = 7
"""Buy Box draws remembered for the current price; they fit one byte with a leading one."""

CHANGE_BUCKET_S = 540
"""Changes are counted in eight buckets of nine minutes. The present one is only partly over, so
the eight together reach back 63 to 72 minutes: never less than the hour that is promised."""


class CycleState(IntEnum):
    """State of the Buy Box cycle. Other strategies use SEEKING, AWAITING, HOLDING and PAUSED."""

    SEEKING = 1
    AWAITING = 2
    HOLDING = 3
    PROBING = 4
    FLOORED = 5
    ALONE = 6
    SUPPRESSED = 7
    PAUSED = 8


class Reason(IntEnum):
    """Why the last evaluation changed the price (1 to 63) or did not (64 and up)."""

    NONE = 0
    SEEK_OFFSET = 1
    SEEK_TAKE = 2
    LOWER_AFTER_LOSS = 3
    RAISE_TO_KEEP = 4
    PROBE_UP = 5
    PROBE_LOST = 6
    PROBE_UNANSWERED = 7
    HOLD_LOST = 8
    REANCHOR = 9
    BELOW_FLOOR_CHOICE = 10
    ALONE = 11
    SUPPRESSED = 12
    BOUNDS = 13
    REJECTED = 14
    REEMIT = 15
    MATCH = 16
    MATCH_RAISE_TO_NEXT = 17
    FIXED = 18
    SPIRAL = 19
    RESTORED = 20
    LEAD_UP = 21
    POSITION = 30
    POSITION_NO_ROOM = 31
    POSITION_LAST = 32
    CALENDAR = 33
    PUSH_START = 34
    PUSH_STEP = 35
    PUSH_PERIOD = 36
    PUSH_BACK = 37
    FOLLOW = 38
    CAPPED_BY_B2C = 45
    TIERS = 46
    FOLLOW_STANDALONE = 47

    WAITING_FOR_LIVE = 64
    WAITING_FOR_VERDICT = 65
    HOLDING = 66
    COOLDOWN = 67
    NO_ROOM = 68
    FLOORED = 69
    NO_REFERENCE = 70
    AT_TARGET = 71
    MIN_CHANGE = 72
    CHANGES_PER_HOUR = 73
    PAUSED = 74
    OLD_INPUT = 75
    STALE_OFFERS = 76
    OTHER_PRICE = 77
    SUPPRESSED_UNKNOWN = 78
    SUPPRESSED_BELOW_FLOOR = 79
    REEMITS_EXHAUSTED = 80
    MAX_REJECTIONS = 81
    KEEP = 82
    ALONE_AT_CAP = 83
    NOT_APPLICABLE = 84
    NEW = 85
    DISPLACED = 86
    ACCEPTED = 87
    WAITING_FOR_OFFERS = 88
    STOPPED = 89
    DRY_RUN = 90
    BREAKER = 91
    SPIRAL_HELD = 92
    UP_ONLY = 100
    DOWN_ONLY = 101
    POSITION_UNSEEN = 102
    QUIET = 103
    CALENDAR_HELD = 104
    PUSH_WAITS = 105
    FOLLOW_WAITS = 106
    FOLLOWED = 107


FIRST_UNCHANGED_REASON = 64

EVENT_REASONS = (
    Reason.REEMITS_EXHAUSTED,
    Reason.MAX_REJECTIONS,
    Reason.SUPPRESSED_BELOW_FLOOR,
)
"""Reasons that a person should hear of."""


class StrategyKind(IntEnum):
    BUY_BOX = 1
    MATCH = 2
    FIXED = 3
    POSITION = 4
    PUSH = 5
    DAILY_PUSH = 6
    FOLLOW = 7


class Schedule(IntEnum):
    """What the calendar entry in force makes of a strategy; its bounds are in the rows."""

    NONE = 0
    HOLD = 1
    PRICE = 2
    PAUSE = 3


class Aggregate(IntEnum):
    """What FOLLOW makes of the prices of its sources."""

    MIN = 1
    MAX = 2
    MEDIAN = 3
    MEAN = 4
    WEIGHTED = 5


class FollowValue(IntEnum):
    """What of a source is followed; prices are landed."""

    EFFECTIVE = 1  # what is live of a listing
    LOWEST = 2  # the lowest competitor that passes the strategy's filter
    BUY_BOX = 3  # what is featured, whoever's


class CountBy(IntEnum):
    """Whose sales count for PUSH."""

    SKU = 1
    ASIN = 2


class PercentOf(IntEnum):
    """What the rates of PUSH are of."""

    CURRENT = 1
    START = 2


class Direction(IntEnum):
    """Which way a strategy may move a price; bounds are not bound by it."""

    BOTH = 1
    UP_ONLY = 2
    DOWN_ONLY = 3


class Tie(IntEnum):
    """What POSITION does where its gap leaves no room before the competitor of that rank."""

    AHEAD = 1
    SHARE = 2


class ReferenceClass(IntEnum):
    """Who sets the reference price; brackets are kept for one class at a time."""

    NONE = 0
    AMAZON_FULFILLED = 1
    MERCHANT_FULFILLED = 2
    AMAZON = 3


class BuyBoxStatus(IntEnum):
    UNKNOWN = 0
    FEATURED = 1
    SUPPRESSED = 2


class BelowFloor(IntEnum):
    FLOOR = 1
    CEILING = 2
    KEEP = 3
    STANDALONE = 4


class Alone(IntEnum):
    RAISE = 1
    KEEP = 2
    STANDALONE = 3


class Suppressed(IntEnum):
    COMPETITIVE_PRICE = 1
    KEEP = 2


class WhenWinning(IntEnum):
    FOLLOW = 1
    HOLD = 2
    RAISE_TO_NEXT = 3


class MatchTarget(IntEnum):
    NONE = 0
    LOWEST = 1
    LOWEST_AMAZON_FULFILLED = 2
    LOWEST_MERCHANT_FULFILLED = 3
    BUY_BOX = 4
    SELLERS = 5
    AMAZON = 6


class FeedbackKind(IntEnum):
    ACCEPTED = 1
    REJECTED = 2
    EFFECTIVE = 3
    WON = 4
    LOST = 5
    SHARE = 6
    LISTING_SUPPRESSED = 7
    PRICING_ERROR = 8
    LISTING_RESTORED = 9


class InputKind(IntEnum):
    """Inputs that change the state, in the order of the journal."""

    REPRICE = 1
    FEEDBACK = 2
    STOCK = 3
    SELLERS = 4
    STRATEGIES = 5
    LISTINGS = 6
    DELETE = 7
    PAUSE = 8
    RESUME = 9
    ADVANCE = 10
    CONFIG = 11
    ERASE = 12
    REPRICE_PART = 13  # consecutive rows of one Reprice; where they begin is in its head
    STOP = 20
    RESTART = 21
    RELEASE = 22
    DISCARD = 23
    RESTORE = 24
    FEE_SCHEDULES = 40
    FEE_PREVIEWS = 41
    EXCHANGE_RATES = 42
    SALES = 50


REPRICE_KINDS = frozenset({InputKind.REPRICE, InputKind.REPRICE_PART})
URGENT_KINDS = frozenset({InputKind.STOP, InputKind.PAUSE})
"""Inputs that do not wait for the disk: when it is full they act first and are journaled later."""


class JournalMode(IntEnum):
    """Whether what an answer acknowledges survives a crash."""

    OFF = 1
    ALWAYS = 2
    PENDING = 3  # acts now, and is journaled when the disk has room


class DecisionStatus(IntEnum):
    """What is to become of a decision."""

    EMITTED = 1  # to be submitted
    HELD = 2  # a guard holds it until a person releases or discards it
    DRY_RUN = 3  # its seller only wants to see it
    WITHDRAWAL = 4  # not a decision: takes back `withdraws` and all older ones of the listing


class CommandKind(IntEnum):
    """What a command row asks of a listing."""

    UPSERT = 1
    PAUSE = 2
    RESUME = 3
    STOCK_OUT = 4
    STOCK_IN = 5
    DELETE = 6
    SALES = 7
    FOLLOW = 8
    RESEND = 9


class Condition(IntEnum):
    NONE = 0
    NEW = 1
    USED = 2
    COLLECTIBLE = 3
    REFURBISHED = 4
    CLUB = 5


class Fulfilment(IntEnum):
    NONE = 0
    AMAZON = 1
    MERCHANT = 2


class Audience(IntEnum):
    B2C = 1
    B2B = 2


class OfferBit(IntFlag):
    """Attributes of an offer, one bit each, so that a filter is one mask of forbidden bits.

    An attribute that the marketplace does not report sets no bit and therefore passes.
    """

    FULFILLED_BY_AMAZON = 1 << 0
    FULFILLED_BY_MERCHANT = 1 << 1
    CONDITION_NEW = 1 << 2
    CONDITION_USED = 1 << 3
    CONDITION_COLLECTIBLE = 1 << 4
    CONDITION_REFURBISHED = 1 << 5
    CONDITION_CLUB = 1 << 6
    SUB_NEW = 1 << 7
    SUB_MINT = 1 << 8
    SUB_VERY_GOOD = 1 << 9
    SUB_GOOD = 1 << 10
    SUB_ACCEPTABLE = 1 << 11
    SUB_POOR = 1 << 12
    SUB_CLUB = 1 << 13
    SUB_OEM = 1 << 14
    SUB_WARRANTY = 1 << 15
    SUB_REFURBISHED_WARRANTY = 1 << 16
    SUB_REFURBISHED = 1 << 17
    SUB_OPEN_BOX = 1 << 18
    SUB_OTHER = 1 << 19
    AVAILABLE_NOW = 1 << 20
    AVAILABLE_WITHOUT_DATE = 1 << 21
    AVAILABLE_WITH_DATE = 1 << 22
    FEATURED = 1 << 23
    NOT_FEATURED = 1 << 24
    WINNER = 1 << 25
    NOT_WINNER = 1 << 26
    PRIME = 1 << 27
    AMAZON = 1 << 28
    OWN_ACCOUNT = 1 << 29


CONDITION_SHIFT = 1
"""Bit of a condition is 1 << (CONDITION_SHIFT + condition)."""
SUB_CONDITION_SHIFT = 6
FULFILMENT_SHIFT = -1
AVAILABILITY_SHIFT = 19
CONDITION_MASK = 0b11111 << 2
SUB_CONDITION_MASK = 0b1111111111111 << 7


class RowFlag(IntFlag):
    """Flags of the hot row. Bits 0-2 hold the listing's condition, bits 3-4 the class of the
    reference price that the brackets belong to."""

    INCUMBENT = 1 << 5
    PAUSED_BY_USER = 1 << 6
    OUT_OF_STOCK = 1 << 7
    LISTING_SUPPRESSED = 1 << 8
    PRICING_ERROR = 1 << 9
    TOO_MANY_REJECTIONS = 1 << 10
    ACTIVE = 1 << 11
    IN_SLICE = 1 << 12  # of a proposed row: its grid was read, and is proposed with it
    DISPLACED = 1 << 13
    REJECTED = 1 << 14
    WITHDRAWN = 1 << 15  # the last decision was taken back before it was seen live


CONDITION_BITS = 0b111
CLASS_SHIFT = 3
CLASS_BITS = 0b11
PAUSE_FLAGS = (
    RowFlag.PAUSED_BY_USER
    | RowFlag.OUT_OF_STOCK
    | RowFlag.LISTING_SUPPRESSED
    | RowFlag.PRICING_ERROR
    | RowFlag.TOO_MANY_REJECTIONS
)


ROW = np.dtype(
    [
        ("floor_minor", "<i8"),
        ("ceiling_minor", "<i8"),
        ("price_minor", "<i8"),  # last decided item price
        ("live_price_minor", "<i8"),  # last item price seen in the marketplace
        ("good_price_minor", "<i8"),  # last item price that won
        ("reference_minor", "<i8"),  # landed, of the last offers
        ("competitive_minor", "<i8"),  # landed, Amazon's competitive price
        ("featured_minor", "<i8"),  # landed price that was last featured, anybody's
        ("observed_ms", "<i8"),  # newest marketplace event applied
        ("landed_offset_minor", "<i4"),  # own shipping minus fixed own points
        ("premium_ppm", "<i4"),  # premium that the strategy wants now, before limits
        ("take_low_ppm", "<i4"),
        ("take_high_ppm", "<i4"),
        ("keep_low_ppm", "<i4"),
        ("keep_high_ppm", "<i4"),
        ("deadline_s", "<u4"),  # next timer; 0: none
        ("cooldown_until_s", "<u4"),
        ("effective_s", "<u4"),  # the current price was seen live; 0: not yet
        ("evidence_s", "<u4"),  # newest entry of the brackets
        ("change_history", "<u4"),  # eight 4-bit counts, newest lowest
        ("change_bucket", "<u2"),  # bucket number of the newest count, modulo 2^16
        ("points_bp", "<u2"),  # own points as basis points of the item price
        ("strategy", "<u2"),
        ("flags", "<u2"),
        ("state", "u1"),
        ("draws", "u1"),  # won and lost bits under a leading one, newest lowest
        ("attempts", "u1"),  # low half: re-emissions; high half: rejections in a row
        ("reason", "u1"),
    ]
)
"""The hot row: 128 bytes, two cache lines, all that an evaluation without the learner reads."""

GRID = np.dtype(
    [
        ("keep_bits", "u1", (GRID_CELLS,)),  # a byte a cell: a sharp market low, a soft one high
        ("aged_s", "<u4"),  # evidence has aged up to here
        ("take_bits", "u1", (GRID_CELLS // 2,)),  # half a byte a cell, even cells low
        ("best", "u1"),  # step last chosen, plus one; 0: none
        ("last", "u1"),  # LastDraw
    ]
)
"""The learner's grid of a listing, a column of its own. All zeros know nothing."""


class LastDraw(IntEnum):
    """The draw that a grid learned last."""

    NONE = 0
    LOST = 1
    WON = 2


RECORD = np.dtype(
    [
        ("decision_id", "<u8"),  # of the current price
        ("sequence", "<u8"),  # input that was evaluated last with offers
        ("decided_ms", "<i8"),
        ("previous_minor", "<i8"),
        ("evidence_minor", "<i8"),  # item price judged last
        ("evidence_ms", "<i8"),
        ("seller", "<u4"),
        ("bounds_version", "<u4"),
        ("marketplace", "<u2"),
        ("currency", "u1"),
        ("audience", "u1"),
        ("decision_reason", "u1"),
        ("evidence_kind", "u1"),
        ("fulfilment", "u1"),
        ("condition", "u1"),
    ]
)
"""The cold record beside each hot row, read by key resolution and Explain."""

STRATEGY = np.dtype(
    [
        ("step_minor", "<i8"),
        ("min_change_minor", "<i8"),
        ("step_limit_minor", "<i8"),  # 0: none
        ("standalone_minor", "<i8"),
        ("fixed_minor", "<i8"),
        ("stay_below_next_minor", "<i8"),
        ("gap_minor", "<i8"),  # POSITION
        ("start_minor", "<i8"),  # PUSH, DAILY_PUSH
        ("push_minor", "<i8", (16,)),  # steps or thresholds, then the rules of periods
        ("schedule_price_minor", "<i8"),
        ("max_offer_age_ms", "<i8"),
        ("offset_minor", "<i8", (4,)),  # by ReferenceClass
        ("offset_ppm", "<i4", (4,)),
        ("step_limit_ppm", "<i4"),  # 0: none
        ("max_probe_ppm", "<i4"),  # 0: none
        ("reanchor_ppm", "<i4"),
        ("gap_ppm", "<i4"),
        ("push_ppm", "<i4", (16,)),
        ("push_units", "<u4", (16,)),
        ("period_s", "<u4"),  # 0: PUSH has no second part
        ("day_begin_s", "<u4"),  # of the present day of DAILY_PUSH
        ("schedule_until_s", "<u4"),
        ("endings", "<u4", (8,)),
        ("ending_modulus", "<u4"),  # 0: no endings
        ("hold_s", "<u4"),
        ("cooldown_s", "<u4"),
        ("live_wait_s", "<u4"),
        ("verdict_wait_s", "<u4"),
        ("retry_s", "<u4"),
        ("evidence_max_age_s", "<u4"),
        ("forbidden_bits", "<u4"),  # OfferBit mask of the filter
        ("min_rating_count", "<u4"),
        ("include_begin", "<u4"),  # ranges of the sorted seller pool
        ("include_end", "<u4"),
        ("exclude_begin", "<u4"),
        ("exclude_end", "<u4"),
        ("target_begin", "<u4"),
        ("target_end", "<u4"),
        ("push_times", "<u2", (16,)),  # of a rule: 0 at least, 1 fewer than
        ("min_rating_bp", "<u2"),
        ("max_handling_hours", "<u2"),  # 65535: any
        ("share_target_bp", "<u2"),
        ("kind", "u1"),
        ("any_condition", "u1"),
        ("respect_unfiltered_winner", "u1"),
        ("below_floor", "u1"),
        ("alone", "u1"),
        ("suppressed", "u1"),
        ("when_winning", "u1"),
        ("min_samples", "u1"),
        ("max_reemits", "u1"),
        ("max_rejections", "u1"),
        ("changes_per_hour", "u1"),
        ("targets", "u1", (4,)),  # MatchTarget, in order
        ("ending_count", "u1"),
        ("direction", "u1"),
        ("position", "u1"),  # of POSITION: the rank wanted
        ("tie", "u1"),
        ("push_count", "u1"),
        ("rule_count", "u1"),
        ("percent_of", "u1"),
        ("keep_buy_box", "u1"),
        ("schedule_action", "u1"),
        ("padding", "u1", (2,)),
    ]
)
"""A compiled strategy. The kernel knows nothing else of it."""

SNAPSHOT = np.dtype(
    [
        ("event_ms", "<i8"),
        ("competitive_minor", "<i8"),  # landed; 0: not given
        ("featured_minor", "<i8"),  # landed; 0: not given
        ("own_price_minor", "<i8"),  # own item price shown; 0: own offer unknown
        ("listing_id", "<u4"),
        ("offer_begin", "<u4"),
        ("offer_end", "<u4"),
        ("own_offer", "<i4"),  # index into the offer columns; -1: unknown
        ("index", "<u4"),  # row of the request
        ("offer_total", "<u2"),  # offers of the ASIN, shown or not; 0: not given
        ("buy_box_status", "u1"),
        ("padding", "u1", (1,)),
    ]
)
"""One resolved snapshot: a listing and its range of offers."""

FEEDBACK = np.dtype(
    [
        ("event_ms", "<i8"),
        ("price_minor", "<i8"),  # item price judged; 0: not given
        ("competitive_minor", "<i8"),
        ("listing_id", "<u4"),
        ("index", "<u4"),
        ("kind", "u1"),
        ("names_decision", "u1"),  # 0: no decision id, 1: that of the current price, 2: another
        ("share_bp", "<u2"),
        ("padding", "u1", (4,)),
    ]
)

COMMAND = np.dtype(
    [
        ("floor_minor", "<i8"),  # this and the fields to condition: of an UPSERT
        ("ceiling_minor", "<i8"),
        ("units", "<i8"),  # of SALES: more than known before
        ("units_today", "<i8"),
        ("sources_minor", "<i8"),  # of FOLLOW: what the sources cost, landed; 0: not known
        ("listing_id", "<u4"),
        ("index", "<u4"),
        ("landed_offset_minor", "<i4"),
        ("points_bp", "<u2"),
        ("strategy", "<u2"),
        ("condition", "u1"),
        ("kind", "u1"),
        ("restart", "u1"),  # of an UPSERT: PUSH begins again
        ("capped", "u1"),  # of an UPSERT: the B2C price is the ceiling
        ("padding", "u1", (4,)),
    ]
)
"""A change of a listing's definition or of whether it is repriced."""

OUTCOME = np.dtype(
    [
        ("price_minor", "<i8"),
        ("previous_minor", "<i8"),
        ("reference_minor", "<i8"),
        ("listing_id", "<u4"),
        ("index", "<u4"),
        ("changed", "u1"),  # a decision is to be emitted
        ("reason", "u1"),
        ("state_before", "u1"),
        ("state", "u1"),
        ("ignored", "u1"),  # the input changed nothing
        ("verdict", "u1"),  # FeedbackKind of a draw or verdict taken, or 0
        ("padding", "u1", (2,)),
    ]
)
"""What one evaluation did, beside the proposed row in scratch."""

DECISION = np.dtype(
    [
        ("decision_id", "<u8"),
        ("price_minor", "<i8"),
        ("previous_minor", "<i8"),
        ("reference_minor", "<i8"),
        ("decided_ms", "<i8"),
        ("withdraws", "<u8"),  # of a WITHDRAWAL: the newest decision it takes back
        ("listing_id", "<u4"),
        ("index", "<u4"),  # row of the request; NO_INDEX when a timer decided
        ("bounds_version", "<u4"),
        ("currency", "u1"),
        ("reason", "u1"),
        ("state", "u1"),
        ("status", "u1"),  # DecisionStatus
    ]
)
"""A decision as it leaves the engine, or the withdrawal of one."""

DECISION_VALID_MS = 60 * 60_000
"""A decision that was not submitted within an hour must not be submitted any more."""

NO_INDEX = 2**32 - 1
"""`index` of an outcome that no request row led to."""

ROW_SIZE = 128
GRID_SIZE = 48
RECORD_SIZE = 64
STRATEGY_SIZE = 568
SNAPSHOT_SIZE = 56
FEEDBACK_SIZE = 40
COMMAND_SIZE = 64
OUTCOME_SIZE = 40
DECISION_SIZE = 64
