# One offer: from the bytes of a message to an entry of the columns.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from engine._protobuf cimport (
    WIRE_CORRUPT,
    WIRE_FINE,
    WIRE_NOT_UTF8,
    WIRE_VARINT,
    Bytes,
    Number,
    WireError,
    is_ascii,
    read_bytes,
    read_number,
    read_tag,
    read_varint,
    rune_count,
    skip_field,
)
from engine._schema cimport (
    OFFER_AMAZON,
    OFFER_FEATURED,
    OFFER_NOT_FEATURED,
    OFFER_NOT_WINNER,
    OFFER_PRIME,
    OFFER_WINNER,
)
from engine._texts cimport xxh64

cdef enum:
    SELLER_TAG = 10  # 1 << 3 | WIRE_BYTES
    SKU_TAG = 122  # 15 << 3 | WIRE_BYTES
    SHIPS_FROM_TAG = 138  # 17 << 3 | WIRE_BYTES
    MAX_TEXT = 100  # engine.checks
    MAX_RATING_BP = 10000
    LONGEST_HANDLING = 65534  # one less than schema's "any"
    FULFILMENTS = 2
    CONDITIONS = 5
    SUB_CONDITIONS = 13
    AVAILABILITIES = 3
    FULFILMENT_BIT = 1  # bit of the first value; of none, no bit
    CONDITION_BIT = 4
    SUB_CONDITION_BIT = 128
    AVAILABILITY_BIT = 1048576

cdef extern from *:
    """
    #define WIRE_MAX_PRICE 1000000000000LL
    /* Tags of neighbouring fields, each before a number of one byte, as a word is loaded. */
    #define WIRE_KINDS_MASK 0x000080FF80FF80FFULL
    #define WIRE_KINDS_TAGS 0x0000003800300028ULL
    #define WIRE_STANDING_MASK 0x80FF80FF80FF80FFULL
    #define WIRE_STANDING_TAGS 0x0068006000580050ULL
    """
    const int64_t MAX_PRICE "WIRE_MAX_PRICE"  # schema.MAX_PRICE_MINOR
    const uint64_t KINDS_MASK "WIRE_KINDS_MASK"
    const uint64_t KINDS_TAGS "WIRE_KINDS_TAGS"
    const uint64_t STANDING_MASK "WIRE_STANDING_MASK"
    const uint64_t STANDING_TAGS "WIRE_STANDING_TAGS"

cdef struct OfferFields:
    int64_t item_minor
    int64_t shipping_minor
    int64_t points_minor
    uint32_t fulfilment
    uint32_t condition
    uint32_t sub_condition
    uint32_t availability
    uint32_t rating_bp
    uint32_t rating_count
    uint32_t handling_hours
    uint32_t flags  # OfferBit of prime, amazon, winner and featured
    Bytes seller
    Bytes sku
    WireError error

cdef struct SkuEntry:
    uint32_t offer
    uint32_t at
    uint32_t length

cdef struct OfferSink:
    # OUT: columns with room for `room` offers, of which `used` are taken.
    int64_t* landed_minor
    int64_t* item_minor
    uint64_t* seller
    uint32_t* bits
    uint32_t* rating_count
    uint16_t* rating_bp
    uint16_t* handling_hours
    SkuEntry* skus
    Py_ssize_t used
    Py_ssize_t skus_used
    Py_ssize_t room


cdef inline uint32_t flag(uint32_t flags, uint64_t value, uint32_t yes, uint32_t no) noexcept nogil:
    """Flags after one of them was read; the last one counts."""
    return (flags & ~(yes | no)) | (yes if value != 0 else no)


cdef inline void take_number(OfferFields* offer, uint32_t field, uint64_t value) noexcept nogil:
    if field == 2:
        offer.item_minor = <int64_t>value
    elif field == 3:
        offer.shipping_minor = <int64_t>value
    elif field == 4:
        offer.points_minor = <int64_t>value
    elif field == 5:
        offer.fulfilment = <uint32_t>value
    elif field == 6:
        offer.condition = <uint32_t>value
    elif field == 7:
        offer.sub_condition = <uint32_t>value
    elif field == 8:
        offer.rating_bp = <uint32_t>value
    elif field == 9:
        offer.rating_count = <uint32_t>value
    elif field == 10:
        offer.handling_hours = <uint32_t>value
    elif field == 11:
        offer.availability = <uint32_t>value
    elif field == 12:
        offer.flags = flag(offer.flags, value, OFFER_WINNER, OFFER_NOT_WINNER)
    elif field == 13:
        offer.flags = flag(offer.flags, value, OFFER_FEATURED, OFFER_NOT_FEATURED)
    elif field == 14:
        offer.flags = flag(offer.flags, value, OFFER_PRIME, 0)
    elif field == 16:
        offer.flags = flag(offer.flags, value, OFFER_AMAZON, 0)


cdef inline const uint8_t* read_offer_field(
    const uint8_t* at, const uint8_t* end, int depth, OfferFields* offer
) noexcept nogil:
    """Any one field, wherever it stands. NULL: corrupt, or a text that is not UTF-8."""
    cdef uint32_t tag = 0
    cdef uint64_t value = 0
    cdef Bytes content
    at = read_tag(at, end, &tag)
    if at == NULL:
        return NULL
    if tag & 7 == WIRE_VARINT and tag >> 3 != 0:
        at = read_varint(at, end, &value)
        take_number(offer, tag >> 3, value)
        return at
    if tag != SELLER_TAG and tag != SKU_TAG and tag != SHIPS_FROM_TAG:
        return skip_field(at, end, tag, depth)
    at = read_bytes(at, end, &content)
    if at == NULL:
        return NULL
    if rune_count(content.at, content.end - content.at) < 0:
        offer.error = WIRE_NOT_UTF8
        return NULL
    if tag == SELLER_TAG:
        offer.seller = content
    elif tag == SKU_TAG:
        offer.sku = content
    return at


cdef inline const uint8_t* expected(
    const uint8_t* at, const uint8_t* end, uint8_t tag, OfferFields* offer
) noexcept nogil:
    """Reads the number of this tag if it stands here; where it is corrupt, goes to the end."""
    cdef Number number
    if at == end or at[0] != tag:
        return at
    number = read_number(at + 1, end)
    if number.after == NULL:
        offer.error = WIRE_CORRUPT
        return end
    take_number(offer, tag >> 3, number.value)
    return number.after


cdef inline const uint8_t* expected_seller(
    const uint8_t* at, const uint8_t* end, OfferFields* offer
) noexcept nogil:
    """The same for a seller id of the usual form; any other is left to the general reader."""
    cdef Py_ssize_t length
    if end - at < 2 or at[0] != SELLER_TAG:
        return at
    length = at[1]
    if length >= 0x80 or end - at < length + 2 or not is_ascii(at + 2, length):
        return at
    offer.seller.at = at + 2
    offer.seller.end = at + 2 + length
    return offer.seller.end


cdef inline uint64_t word_at(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """The next eight bytes; zero, which begins no field, where there are fewer."""
    cdef uint64_t word = 0
    if end - at >= 8:
        memcpy(&word, at, 8)
    return word


cdef inline const uint8_t* expected_kinds(
    const uint8_t* at, const uint8_t* end, OfferFields* offer
) noexcept nogil:
    """Reads fulfilment, condition and sub-condition if they stand here, a byte each."""
    cdef uint64_t word = word_at(at, end)
    if word & KINDS_MASK != KINDS_TAGS:
        return at
    offer.fulfilment = <uint32_t>(word >> 8 & 0x7F)
    offer.condition = <uint32_t>(word >> 24 & 0x7F)
    offer.sub_condition = <uint32_t>(word >> 40 & 0x7F)
    return at + 6


cdef inline const uint8_t* expected_standing(
    const uint8_t* at, const uint8_t* end, OfferFields* offer
) noexcept nogil:
    """The same for handling hours, availability, winner and featured."""
    cdef uint64_t word = word_at(at, end)
    if word & STANDING_MASK != STANDING_TAGS:
        return at
    offer.handling_hours = <uint32_t>(word >> 8 & 0x7F)
    offer.availability = <uint32_t>(word >> 24 & 0x7F)
    take_number(offer, 12, word >> 40 & 0x7F)
    take_number(offer, 13, word >> 56)
    return at + 8


cdef inline const uint8_t* expected_country(
    const uint8_t* at, const uint8_t* end
) noexcept nogil:
    """Skips a country of two letters, the last field; nothing of it is kept."""
    if end - at < 5 or at[0] != 0x8A or at[1] != 1 or at[2] != 2 or (at[3] | at[4]) >= 0x80:
        return at
    return at + 5


cdef inline WireError read_offer(
    const uint8_t* at, const uint8_t* end, int depth, OfferFields* offer
) noexcept nogil:
    """The fields of an Offer message, last one wins. `depth`: messages that may nest inside.

    Serialisers write fields in their order, so that order is tried first: branches that hardly ever
    go another way cost less than a jump that depends on the tag.
    """
    memset(offer, 0, sizeof(OfferFields))
    while at < end:
        at = expected_seller(at, end, offer)
        at = expected(at, end, 2 << 3, offer)
        at = expected(at, end, 3 << 3, offer)
        at = expected(at, end, 4 << 3, offer)
        at = expected_kinds(at, end, offer)
        at = expected(at, end, 5 << 3, offer)
        at = expected(at, end, 6 << 3, offer)
        at = expected(at, end, 7 << 3, offer)
        at = expected(at, end, 8 << 3, offer)
        at = expected(at, end, 9 << 3, offer)
        at = expected_standing(at, end, offer)
        at = expected(at, end, 10 << 3, offer)
        at = expected(at, end, 11 << 3, offer)
        at = expected(at, end, 12 << 3, offer)
        at = expected(at, end, 13 << 3, offer)
        at = expected(at, end, 14 << 3, offer)
        at = expected_country(at, end)
        if at < end:
            at = read_offer_field(at, end, depth, offer)
            if at == NULL:
                return offer.error if offer.error != WIRE_FINE else WIRE_CORRUPT
    return offer.error


cdef inline bint is_good(const OfferFields* offer) noexcept nogil:
    """What server.wire.offers.CHECKS asks of an offer; that names what is wrong."""
    cdef Py_ssize_t seller_bytes = offer.seller.end - offer.seller.at
    cdef int64_t landed
    if (
        offer.item_minor < 1 or offer.item_minor > MAX_PRICE
        or offer.shipping_minor < 0 or offer.shipping_minor > MAX_PRICE
        or offer.points_minor < 0 or offer.points_minor > MAX_PRICE
    ):
        return False
    landed = offer.item_minor + offer.shipping_minor - offer.points_minor
    return (
        1 <= landed <= MAX_PRICE
        and offer.rating_bp <= MAX_RATING_BP
        and offer.fulfilment <= FULFILMENTS
        and offer.condition <= CONDITIONS
        and offer.sub_condition <= SUB_CONDITIONS
        and offer.availability <= AVAILABILITIES
        and (seller_bytes <= MAX_TEXT or rune_count(offer.seller.at, seller_bytes) <= MAX_TEXT)
    )


cdef inline uint32_t bit(uint32_t first, uint32_t value) noexcept nogil:
    """Bit of an enum's value; `first << value >> 1` is `first` for 1 and nothing for 0."""
    return (first << value) >> 1 if value != 0 else 0


cdef inline uint64_t seller_hash(const uint8_t* at, Py_ssize_t length) noexcept nogil:
    """strategies.seller_hash; 0 where no seller is named."""
    cdef uint64_t found
    if length == 0:
        return 0
    found = xxh64(at, length, 0)
    return found if found != 0 else 1


cdef inline void put_offer(
    OfferSink* sink, const OfferFields* offer, const uint8_t* base
) noexcept nogil:
    """Enters a good offer; its texts are named by their place after `base`."""
    cdef Py_ssize_t at = sink.used
    cdef SkuEntry* sku
    sink.used += 1
    sink.landed_minor[at] = offer.item_minor + offer.shipping_minor - offer.points_minor
    sink.item_minor[at] = offer.item_minor
    sink.seller[at] = seller_hash(offer.seller.at, offer.seller.end - offer.seller.at)
    sink.bits[at] = (
        offer.flags
        | bit(FULFILMENT_BIT, offer.fulfilment)
        | bit(CONDITION_BIT, offer.condition)
        | bit(SUB_CONDITION_BIT, offer.sub_condition)
        | bit(AVAILABILITY_BIT, offer.availability)
    )
    sink.rating_count[at] = offer.rating_count
    sink.rating_bp[at] = <uint16_t>offer.rating_bp
    sink.handling_hours[at] = <uint16_t>min(offer.handling_hours, <uint32_t>LONGEST_HANDLING)
    if offer.sku.end > offer.sku.at:
        sku = &sink.skus[sink.skus_used]
        sink.skus_used += 1
        sku.offer = <uint32_t>at
        sku.at = <uint32_t>(offer.sku.at - base)
        sku.length = <uint32_t>(offer.sku.end - offer.sku.at)
