# How a row names its listing: by id, by natural key or by ASIN, as parts of the request's bytes.

from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memset

from engine._protobuf cimport (
    WIRE_BYTES,
    WIRE_CORRUPT,
    WIRE_FINE,
    WIRE_NOT_UTF8,
    WIRE_VARINT,
    Bytes,
    WireError,
    read_bytes,
    read_tag,
    read_varint,
    rune_count,
    skip_field,
)
from engine._texts cimport is_blank, xxh64
from engine._wire_offer cimport CONDITIONS

cdef enum:
    BY_NOTHING = 0
    BY_ID = 1
    BY_KEY = 2
    BY_ASIN = 3
    AUDIENCES = 2
    B2C = 1

cdef struct Address:
    # C mirror of addresses.ADDRESS.
    uint64_t hash
    uint32_t listing_id
    uint32_t seller_at
    uint32_t seller_length
    uint32_t marketplace_at
    uint32_t marketplace_length
    uint32_t name_at
    uint32_t name_length
    uint8_t kind
    uint8_t audience
    uint8_t condition
    uint8_t[1] padding

cdef struct AddressFields:
    # The oneof `listing` of a row; a key and an ASIN share their place as only one can stand.
    int kind
    uint32_t listing_id
    Bytes seller
    Bytes marketplace
    Bytes name
    uint32_t condition
    uint32_t audience


cdef inline WireError read_key(
    const uint8_t* at, const uint8_t* end, int depth, int kind, AddressFields* address
) noexcept nogil:
    """Fields of a ListingKey or an AsinKey message, added to those read before."""
    cdef uint32_t tag = 0
    cdef uint32_t audience_field = 4 if kind == BY_KEY else 5
    cdef uint64_t value = 0
    cdef Bytes content
    while at < end:
        at = read_tag(at, end, &tag)
        if at == NULL:
            return WIRE_CORRUPT
        if tag & 7 == WIRE_BYTES and 1 <= tag >> 3 <= 3:
            at = read_bytes(at, end, &content)
            if at == NULL:
                return WIRE_CORRUPT
            if rune_count(content.at, content.end - content.at) < 0:
                return WIRE_NOT_UTF8
            if tag >> 3 == 1:
                address.seller = content
            elif tag >> 3 == 2:
                address.marketplace = content
            else:
                address.name = content
        elif tag == (audience_field << 3 | WIRE_VARINT):
            at = read_varint(at, end, &value)
            address.audience = <uint32_t>value
        elif tag == (4 << 3 | WIRE_VARINT):
            at = read_varint(at, end, &value)
            address.condition = <uint32_t>value
        else:
            at = skip_field(at, end, tag, depth)
        if at == NULL:
            return WIRE_CORRUPT
    return WIRE_FINE


cdef inline void take_id(AddressFields* address, uint64_t value) noexcept nogil:
    address.kind = BY_ID
    address.listing_id = <uint32_t>value


cdef inline WireError take_key(
    AddressFields* address, int kind, Bytes content, int depth
) noexcept nogil:
    """Merges a message with one of its kind that stood before; another one is forgotten."""
    if depth < 1:
        return WIRE_CORRUPT
    if address.kind != kind:
        memset(address, 0, sizeof(AddressFields))
        address.kind = kind
    return read_key(content.at, content.end, depth - 1, kind, address)


cdef inline bint says(Bytes text) noexcept nogil:
    cdef Py_ssize_t length = text.end - text.at
    return length > 0 and (0x21 <= text.at[0] < 0x7F or not is_blank(text.at, length))


cdef inline bint is_address(const AddressFields* address) noexcept nogil:
    """What server.wire.rows.address_of asks; that names what is wrong."""
    if address.kind == BY_ID:
        return address.listing_id != 0
    if address.kind == BY_NOTHING or address.audience > AUDIENCES:
        return False
    if address.kind == BY_ASIN and not 1 <= address.condition <= CONDITIONS:
        return False
    return says(address.seller) and says(address.marketplace) and says(address.name)


cdef inline uint64_t address_hash(const Address* address, const uint8_t* base) noexcept nogil:
    """The same for the same kind, audience, condition and texts; equal hashes prove nothing."""
    cdef uint64_t seed = address.kind | address.audience << 8 | address.condition << 16
    seed = xxh64(base + address.seller_at, address.seller_length, seed)
    seed = xxh64(base + address.marketplace_at, address.marketplace_length, seed)
    return xxh64(base + address.name_at, address.name_length, seed)


cdef inline void put_address(
    Address* to, const AddressFields* address, const uint8_t* base
) noexcept nogil:
    """Enters a good address; its texts are named by their place after `base`."""
    memset(to, 0, sizeof(Address))
    to.kind = <uint8_t>address.kind
    if address.kind == BY_ID:
        to.listing_id = address.listing_id
        return
    to.audience = <uint8_t>(address.audience if address.audience != 0 else B2C)
    to.condition = <uint8_t>address.condition if address.kind == BY_ASIN else 0
    to.seller_at = <uint32_t>(address.seller.at - base)
    to.seller_length = <uint32_t>(address.seller.end - address.seller.at)
    to.marketplace_at = <uint32_t>(address.marketplace.at - base)
    to.marketplace_length = <uint32_t>(address.marketplace.end - address.marketplace.at)
    to.name_at = <uint32_t>(address.name.at - base)
    to.name_length = <uint32_t>(address.name.end - address.name.at)
    to.hash = address_hash(to, base)
