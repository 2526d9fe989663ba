# C mirror of schema.py: records and codes. Members carry the prefix of their enum, since C has one
# name space for them. tests/engine/test_schema.py holds sizes, offsets, names and values equal.

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef struct Row:
    int64_t floor_minor
    int64_t ceiling_minor
    int64_t price_minor
    int64_t live_price_minor
    int64_t good_price_minor
    int64_t reference_minor
    int64_t competitive_minor
    int64_t featured_minor
    int64_t observed_ms
    int32_t landed_offset_minor
    int32_t premium_ppm
    int32_t take_low_ppm
    int32_t take_high_ppm
    int32_t keep_low_ppm
    int32_t keep_high_ppm
    uint32_t deadline_s
    uint32_t cooldown_until_s
    uint32_t effective_s
    uint32_t evidence_s
    uint32_t change_history
    uint16_t change_bucket
    uint16_t points_bp
    uint16_t strategy
    uint16_t flags
    uint8_t state
    uint8_t draws
    uint8_t attempts
    uint8_t reason

cdef struct Grid:
    uint8_t[28] keep_bits
    uint32_t aged_s
    uint8_t[14] take_bits
    uint8_t best
    uint8_t last

cdef struct Grids:
    # Where the grid of a row stands, and where a changed one is proposed.
    const Grid* kept
    Grid* proposed

cdef struct Record:
    uint64_t decision_id
    uint64_t sequence
    int64_t decided_ms
    int64_t previous_minor
    int64_t evidence_minor
    int64_t evidence_ms
    uint32_t seller
    uint32_t bounds_version
    uint16_t marketplace
    uint8_t currency
    uint8_t audience
    uint8_t decision_reason
    uint8_t evidence_kind
    uint8_t fulfilment
    uint8_t condition

cdef struct Strategy:
    int64_t step_minor
    int64_t min_change_minor
    int64_t step_limit_minor
    int64_t standalone_minor
    int64_t fixed_minor
    int64_t stay_below_next_minor
    int64_t gap_minor
    int64_t start_minor
    int64_t[16] push_minor
    int64_t schedule_price_minor
    int64_t max_offer_age_ms
    int64_t[4] offset_minor
    int32_t[4] offset_ppm
    int32_t step_limit_ppm
    int32_t max_probe_ppm
    int32_t reanchor_ppm
    int32_t gap_ppm
    int32_t[16] push_ppm
    uint32_t[16] push_units
    uint32_t period_s
    uint32_t day_begin_s
    uint32_t schedule_until_s
    uint32_t[8] endings
    uint32_t ending_modulus
    uint32_t hold_s
    uint32_t cooldown_s
    uint32_t live_wait_s
    uint32_t verdict_wait_s
    uint32_t retry_s
    uint32_t evidence_max_age_s
    uint32_t forbidden_bits
    uint32_t min_rating_count
    uint32_t include_begin
    uint32_t include_end
    uint32_t exclude_begin
    uint32_t exclude_end
    uint32_t target_begin
    uint32_t target_end
    uint16_t[16] push_times
    uint16_t min_rating_bp
    uint16_t max_handling_hours
    uint16_t share_target_bp
    uint8_t kind
    uint8_t any_condition
    uint8_t respect_unfiltered_winner
    uint8_t below_floor
    uint8_t alone
    uint8_t suppressed
    uint8_t when_winning
    uint8_t min_samples
    uint8_t max_reemits
    uint8_t max_rejections
    uint8_t changes_per_hour
    uint8_t[4] targets
    uint8_t ending_count
    uint8_t direction
    uint8_t position
    uint8_t tie
    uint8_t push_count
    uint8_t rule_count
    uint8_t percent_of
    uint8_t keep_buy_box
    uint8_t schedule_action
    uint8_t[2] padding

cdef struct Snapshot:
    int64_t event_ms
    int64_t competitive_minor
    int64_t featured_minor
    int64_t own_price_minor
    uint32_t listing_id
    uint32_t offer_begin
    uint32_t offer_end
    int32_t own_offer
    uint32_t index
    uint16_t offer_total
    uint8_t buy_box_status
    uint8_t[1] padding

cdef struct Feedback:
    int64_t event_ms
    int64_t price_minor
    int64_t competitive_minor
    uint32_t listing_id
    uint32_t index
    uint8_t kind
    uint8_t names_decision
    uint16_t share_bp
    uint8_t[4] padding

cdef struct Command:
    int64_t floor_minor
    int64_t ceiling_minor
    int64_t units
    int64_t units_today
    int64_t sources_minor
    uint32_t listing_id
    uint32_t index
    int32_t landed_offset_minor
    uint16_t points_bp
    uint16_t strategy
    uint8_t condition
    uint8_t kind
    uint8_t restart
    uint8_t capped
    uint8_t[4] padding

cdef struct Outcome:
    int64_t price_minor
    int64_t previous_minor
    int64_t reference_minor
    uint32_t listing_id
    uint32_t index
    uint8_t changed
    uint8_t reason
    uint8_t state_before
    uint8_t state
    uint8_t ignored
    uint8_t verdict
    uint8_t[2] padding

cdef struct Decision:
    uint64_t decision_id
    int64_t price_minor
    int64_t previous_minor
    int64_t reference_minor
    int64_t decided_ms
    uint64_t withdraws
    uint32_t listing_id
    uint32_t index
    uint32_t bounds_version
    uint8_t currency
    uint8_t reason
    uint8_t state
    uint8_t status

cdef enum:
    PREMIUM_LIMIT_PPM = 8000000
    PREMIUM_UNKNOWN = -2147483648
    SOURCES_LOST = -1
    GRID_CELLS = 28
    MAX_DRAWS = 7
    MAX_PUSH_STEPS = 8
    MAX_POSITION = 20
    MAX_OFFERS = 100
    CHANGE_BUCKET_S = 540
    FIRST_UNCHANGED_REASON = 64
    CONDITION_SHIFT = 1
    CONDITION_MASK = 124
    CONDITION_BITS = 7
    CLASS_SHIFT = 3
    CLASS_BITS = 3
    PAUSE_FLAGS = 1984

cdef enum CycleState:
    STATE_SEEKING = 1
    STATE_AWAITING = 2
    STATE_HOLDING = 3
    STATE_PROBING = 4
    STATE_FLOORED = 5
    STATE_ALONE = 6
    STATE_SUPPRESSED = 7
    STATE_PAUSED = 8

cdef enum Reason:
    REASON_NONE = 0
    REASON_SEEK_OFFSET = 1
    REASON_SEEK_TAKE = 2
    REASON_LOWER_AFTER_LOSS = 3
    REASON_RAISE_TO_KEEP = 4
    REASON_PROBE_UP = 5
    REASON_PROBE_LOST = 6
    REASON_PROBE_UNANSWERED = 7
    REASON_HOLD_LOST = 8
    REASON_REANCHOR = 9
    REASON_BELOW_FLOOR_CHOICE = 10
    REASON_ALONE = 11
    REASON_SUPPRESSED = 12
    REASON_BOUNDS = 13
    REASON_REJECTED = 14
    REASON_REEMIT = 15
    REASON_MATCH = 16
    REASON_MATCH_RAISE_TO_NEXT = 17
    REASON_FIXED = 18
    REASON_SPIRAL = 19
    REASON_RESTORED = 20
    REASON_POSITION = 30
    REASON_POSITION_NO_ROOM = 31
    REASON_POSITION_LAST = 32
    REASON_CALENDAR = 33
    REASON_PUSH_START = 34
    REASON_PUSH_STEP = 35
    REASON_PUSH_PERIOD = 36
    REASON_PUSH_BACK = 37
    REASON_FOLLOW = 38
    REASON_CAPPED_BY_B2C = 45
    REASON_TIERS = 46
    REASON_FOLLOW_STANDALONE = 47
    REASON_WAITING_FOR_LIVE = 64
    REASON_WAITING_FOR_VERDICT = 65
    REASON_HOLDING = 66
    REASON_COOLDOWN = 67
    REASON_NO_ROOM = 68
    REASON_FLOORED = 69
    REASON_NO_REFERENCE = 70
    REASON_AT_TARGET = 71
    REASON_MIN_CHANGE = 72
    REASON_CHANGES_PER_HOUR = 73
    REASON_PAUSED = 74
    REASON_OLD_INPUT = 75
    REASON_STALE_OFFERS = 76
    REASON_OTHER_PRICE = 77
    REASON_SUPPRESSED_UNKNOWN = 78
    REASON_SUPPRESSED_BELOW_FLOOR = 79
    REASON_REEMITS_EXHAUSTED = 80
    REASON_MAX_REJECTIONS = 81
    REASON_KEEP = 82
    REASON_ALONE_AT_CAP = 83
    REASON_NOT_APPLICABLE = 84
    REASON_NEW = 85
    REASON_DISPLACED = 86
    REASON_ACCEPTED = 87
    REASON_WAITING_FOR_OFFERS = 88
    REASON_STOPPED = 89
    REASON_DRY_RUN = 90
    REASON_BREAKER = 91
    REASON_SPIRAL_HELD = 92
    REASON_UP_ONLY = 100
    REASON_DOWN_ONLY = 101
    REASON_POSITION_UNSEEN = 102
    REASON_QUIET = 103
    REASON_CALENDAR_HELD = 104
    REASON_PUSH_WAITS = 105
    REASON_FOLLOW_WAITS = 106

cdef enum StrategyKind:
    KIND_BUY_BOX = 1
    KIND_MATCH = 2
    KIND_FIXED = 3
    KIND_POSITION = 4
    KIND_PUSH = 5
    KIND_DAILY_PUSH = 6
    KIND_FOLLOW = 7

cdef enum ReferenceClass:
    CLASS_NONE = 0
    CLASS_AMAZON_FULFILLED = 1
    CLASS_MERCHANT_FULFILLED = 2
    CLASS_AMAZON = 3

cdef enum BuyBoxStatus:
    STATUS_UNKNOWN = 0
    STATUS_FEATURED = 1
    STATUS_SUPPRESSED = 2

cdef enum BelowFloor:
    BELOW_FLOOR_FLOOR = 1
    BELOW_FLOOR_CEILING = 2
    BELOW_FLOOR_KEEP = 3
    BELOW_FLOOR_STANDALONE = 4

cdef enum Alone:
    ALONE_RAISE = 1
    ALONE_KEEP = 2
    ALONE_STANDALONE = 3

cdef enum Suppressed:
    SUPPRESSED_COMPETITIVE_PRICE = 1
    SUPPRESSED_KEEP = 2

cdef enum WhenWinning:
    WINNING_FOLLOW = 1
    WINNING_HOLD = 2
    WINNING_RAISE_TO_NEXT = 3

cdef enum MatchTarget:
    TARGET_NONE = 0
    TARGET_LOWEST = 1
    TARGET_LOWEST_AMAZON_FULFILLED = 2
    TARGET_LOWEST_MERCHANT_FULFILLED = 3
    TARGET_BUY_BOX = 4
    TARGET_SELLERS = 5
    TARGET_AMAZON = 6

cdef enum FeedbackKind:
    FEEDBACK_ACCEPTED = 1
    FEEDBACK_REJECTED = 2
    FEEDBACK_EFFECTIVE = 3
    FEEDBACK_WON = 4
    FEEDBACK_LOST = 5
    FEEDBACK_SHARE = 6
    FEEDBACK_LISTING_SUPPRESSED = 7
    FEEDBACK_PRICING_ERROR = 8
    FEEDBACK_LISTING_RESTORED = 9

cdef enum CommandKind:
    COMMAND_UPSERT = 1
    COMMAND_PAUSE = 2
    COMMAND_RESUME = 3
    COMMAND_STOCK_OUT = 4
    COMMAND_STOCK_IN = 5
    COMMAND_DELETE = 6
    COMMAND_SALES = 7
    COMMAND_FOLLOW = 8
    COMMAND_RESEND = 9

cdef enum OfferBit:
    OFFER_FULFILLED_BY_AMAZON = 0x1
    OFFER_FULFILLED_BY_MERCHANT = 0x2
    OFFER_CONDITION_NEW = 0x4
    OFFER_CONDITION_USED = 0x8
    OFFER_CONDITION_COLLECTIBLE = 0x10
    OFFER_CONDITION_REFURBISHED = 0x20
    OFFER_CONDITION_CLUB = 0x40
    OFFER_SUB_NEW = 0x80
    OFFER_SUB_MINT = 0x100
    OFFER_SUB_VERY_GOOD = 0x200
    OFFER_SUB_GOOD = 0x400
    OFFER_SUB_ACCEPTABLE = 0x800
    OFFER_SUB_POOR = 0x1000
    OFFER_SUB_CLUB = 0x2000
    OFFER_SUB_OEM = 0x4000
    OFFER_SUB_WARRANTY = 0x8000
    OFFER_SUB_REFURBISHED_WARRANTY = 0x10000
    OFFER_SUB_REFURBISHED = 0x20000
    OFFER_SUB_OPEN_BOX = 0x40000
    OFFER_SUB_OTHER = 0x80000
    OFFER_AVAILABLE_NOW = 0x100000
    OFFER_AVAILABLE_WITHOUT_DATE = 0x200000
    OFFER_AVAILABLE_WITH_DATE = 0x400000
    OFFER_FEATURED = 0x800000
    OFFER_NOT_FEATURED = 0x1000000
    OFFER_WINNER = 0x2000000
    OFFER_NOT_WINNER = 0x4000000
    OFFER_PRIME = 0x8000000
    OFFER_AMAZON = 0x10000000
    OFFER_OWN_ACCOUNT = 0x20000000

cdef enum RowFlag:
    FLAG_INCUMBENT = 0x20
    FLAG_PAUSED_BY_USER = 0x40
    FLAG_OUT_OF_STOCK = 0x80
    FLAG_LISTING_SUPPRESSED = 0x100
    FLAG_PRICING_ERROR = 0x200
    FLAG_TOO_MANY_REJECTIONS = 0x400
    FLAG_ACTIVE = 0x800
    FLAG_IN_SLICE = 0x1000
    FLAG_DISPLACED = 0x2000
    FLAG_REJECTED = 0x4000
    FLAG_WITHDRAWN = 0x8000

cdef enum Direction:
    DIRECTION_BOTH = 1
    DIRECTION_UP_ONLY = 2
    DIRECTION_DOWN_ONLY = 3

cdef enum Tie:
    TIE_AHEAD = 1
    TIE_SHARE = 2

cdef enum PercentOf:
    COUNT_CURRENT = 1
    COUNT_START = 2

cdef enum Schedule:
    SCHEDULE_NONE = 0
    SCHEDULE_HOLD = 1
    SCHEDULE_PRICE = 2
    SCHEDULE_PAUSE = 3
