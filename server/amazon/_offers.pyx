"""Offers of a message from the structs of the JSON decoder to wire bytes.

Fields are read where the struct keeps them, no attribute is looked up; texts are copied once, into
the wire form. A value that is not plain goes to the Python function of its kind, which reads it or
says what is wrong with it, so that each rule about a value stands in one place.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

from engine._money cimport FINE, read_minor

from server.amazon._offer_row cimport (
    LONGEST_FRAME,
    LONGEST_ROW,
    SNAPSHOTS_FIELD,
    UNKNOWN,
    Row,
    Text,
    is_capital,
    is_stripped,
    is_text,
    landed,
    put_framed,
    put_offer,
    put_raw,
)

from repriced.v1 import types_pb2 as wire
from server.amazon import words
from server.amazon.amounts import no_price, rating_basis_points
from server.amazon.spelling import ABSENT
from server.amazon.structs import (
    FeedbackRating,
    Money,
    Offer,
    PrimeInformation,
    ShippingTime,
    ShipsFrom,
)

cdef extern from *:
    """
    #include <structmember.h>
    #define IS_FIELD(descriptor) Py_IS_TYPE(descriptor, &PyMemberDescr_Type)
    #define FIELD_OFFSET(descriptor) (((PyMemberDescrObject *)(descriptor))->d_member->offset)
    """
    bint IS_FIELD(object)
    Py_ssize_t FIELD_OFFSET(object)
    const char* PyUnicode_AsUTF8AndSize(object, Py_ssize_t*) except NULL

cdef enum:
    SELLER_ID
    MY_OFFER
    SUB_CONDITION
    RATING
    TIME
    PRICE
    SHIPPING
    POINTS
    PLACE
    BY_AMAZON
    WINNER
    FEATURED
    PRIME
    AMOUNT
    CURRENCY
    RATING_COUNT
    POSITIVE_RATING
    HOURS
    AVAILABILITY
    COUNTRY
    OFFER_PRIME
    IS_PRIME
    NATIONAL_PRIME
    IS_NATIONAL_PRIME
    NAMES
cdef enum:
    FULL_RATING = 10000  # basis points
    LONGEST_WORDS = 256  # words that are remembered

cdef int MERCHANT = wire.FULFILMENT_MERCHANT
cdef int AMAZON = wire.FULFILMENT_AMAZON
cdef dict SUB_CONDITIONS = {}
cdef dict AVAILABILITIES = {}

cdef struct Place:
    # Where a struct has the two spellings of a field.
    Py_ssize_t pascal
    Py_ssize_t camel

cdef Place[NAMES] PLACES
cdef PyObject* NOTHING = <PyObject*>None
cdef PyObject* NO_AMOUNT = <PyObject*>ABSENT


cdef Py_ssize_t offset_of(kind, str attribute) except -1:
    descriptor = kind.__dict__[attribute]
    if not IS_FIELD(descriptor):
        raise TypeError(f"{kind.__name__}.{attribute} is no member of a struct: {descriptor!r}")
    return FIELD_OFFSET(descriptor)


# The fields of each struct in the order of their names above.
cdef tuple READ = (
    (
        Offer,
        "seller_id my_offer sub_condition seller_feedback_rating shipping_time listing_price"
        " shipping points ships_from is_fulfilled_by_amazon is_buy_box_winner"
        " is_featured_merchant prime_information",
    ),
    (Money, "amount currency_code"),
    (FeedbackRating, "feedback_count seller_positive_feedback_rating"),
    (ShippingTime, "maximum_hours availability_type"),
    (ShipsFrom, "country"),
    (PrimeInformation, "is_offer_prime is_prime is_offer_national_prime is_national_prime"),
)


cdef int learn() except -1:
    """Finds the places of all fields that are read."""
    cdef int name = 0
    for kind, attributes in READ:
        for attribute in attributes.split():
            PLACES[name].pascal = offset_of(kind, f"pascal_{attribute}")
            PLACES[name].camel = offset_of(kind, f"camel_{attribute}")
            name += 1
    return 0


learn()


cdef inline PyObject* member(PyObject* struct, Py_ssize_t offset) noexcept:
    cdef PyObject* found = (<PyObject**>(<char*>struct + offset))[0]
    return NOTHING if found == NULL else found


cdef inline PyObject* field(PyObject* struct, int name) noexcept:
    """What a field has in either spelling; borrowed, as long as the struct lives."""
    cdef PyObject* found = member(struct, PLACES[name].pascal)
    if found == NOTHING or found == NO_AMOUNT:
        return member(struct, PLACES[name].camel)
    return found


cdef inline PyObject* part(PyObject* struct, int name, kind) except NULL:
    """A struct inside a struct, or None."""
    cdef PyObject* found = field(struct, name)
    if found != NOTHING and type(<object>found) is not kind:
        raise TypeError(f"{<object>found!r} is no {kind.__name__}")
    return found


cdef inline int64_t number(PyObject* struct, int name) except -1:
    """A count, 0 where there is none."""
    cdef PyObject* found
    if struct == NOTHING:
        return 0
    found = field(struct, name)
    return 0 if found == NOTHING else <object>found


cdef inline int flag(PyObject* struct, int name) noexcept:
    cdef PyObject* found = field(struct, name)
    return UNKNOWN if found == NOTHING else <object>found is True


cdef inline bint holds(PyObject* struct, int name) noexcept:
    return flag(struct, name) == 1


cdef inline int word(PyObject* struct, int name, dict known, read) except -1:
    """The number of a word that is one of the few that messages have."""
    cdef PyObject* text = NOTHING if struct == NOTHING else field(struct, name)
    found = known.get(<object>text)
    if found is None:
        found = read(<object>text)
        if len(known) < LONGEST_WORDS:
            known[<object>text] = found
    return found


cdef inline Text utf8(text) except *:
    """The bytes of a string, as long as it lives."""
    cdef Text found
    found.at = PyUnicode_AsUTF8AndSize(text, &found.size)
    return found


cdef int64_t read_number(PyObject* raw, int exponent) except -2:
    """Minor units of a plain number, -1 for Python to look at."""
    cdef Py_buffer view
    cdef int64_t minor = -1
    PyObject_GetBuffer(<object>raw, &view, PyBUF_SIMPLE)
    if read_minor(<const char*>view.buf, view.len, exponent, &minor) != FINE or minor < 0:
        minor = -1
    PyBuffer_Release(&view)
    return minor


cdef int64_t rating_of(PyObject* rating) except -1:
    """Basis points, from per cent."""
    cdef PyObject* raw = NO_AMOUNT if rating == NOTHING else field(rating, POSITIVE_RATING)
    cdef int64_t found
    if raw == NO_AMOUNT:
        return 0
    found = read_number(raw, 2)
    if 0 <= found <= FULL_RATING:
        return found
    return rating_basis_points(
        bytes(<object>raw), "SellerFeedbackRating.SellerPositiveFeedbackRating"
    )


cdef class OfferRows:
    """The offers of one message on their way to the wire form."""

    cdef Row* rows
    cdef int condition
    cdef Text own_seller
    cdef Text retail_seller
    cdef object amounts
    cdef str currency
    cdef int exponent
    cdef list held  # what the texts lie in
    cdef readonly int count
    """Offers that were read; while they are, the position of the one that is to blame."""

    def __cinit__(
        self,
        offers not None,
        amounts,
        int condition,
        str own_seller_id not None,
        str retail_seller_id not None,
    ):
        self.amounts, self.condition = amounts, condition
        self.held = [offers, own_seller_id, retail_seller_id]
        self.own_seller, self.retail_seller = utf8(own_seller_id), utf8(retail_seller_id)
        self.rows = <Row*>calloc(len(offers) + 1, sizeof(Row))
        if self.rows == NULL:
            raise MemoryError(f"{len(offers)} offers of a message")

    def __dealloc__(self):
        free(self.rows)

    def read(self):
        """Reads all offers in their order. Raises InputError about the one at `count`."""
        self.currency, self.exponent = self.amounts.currency, self.amounts.exponent
        for offer in self.held[0]:
            if type(offer) is not Offer:
                raise TypeError(f"{offer!r} is no Offer")
            self.read_offer(<PyObject*>offer, &self.rows[self.count])
            self.count += 1

    cdef int read_offer(self, PyObject* offer, Row* row) except -1:
        cdef PyObject* rating = part(offer, RATING, FeedbackRating)
        cdef PyObject* time = part(offer, TIME, ShippingTime)
        cdef PyObject* place = part(offer, PLACE, ShipsFrom)
        cdef PyObject* prime = part(offer, PRIME, PrimeInformation)
        cdef int by_amazon = flag(offer, BY_AMAZON)
        self.read_seller(offer, row)
        self.read_amounts(offer, row)
        if by_amazon != UNKNOWN:
            row.fulfilment = AMAZON if by_amazon else MERCHANT
        row.sub_condition = word(offer, SUB_CONDITION, SUB_CONDITIONS, words.sub_condition)
        row.rating = rating_of(rating)
        row.rating_count = number(rating, RATING_COUNT)
        row.hours = number(time, HOURS)
        row.availability = word(time, AVAILABILITY, AVAILABILITIES, words.availability)
        row.winner = flag(offer, WINNER)
        row.featured = flag(offer, FEATURED)
        row.prime = prime != NOTHING and (
            holds(prime, OFFER_PRIME)
            or holds(prime, IS_PRIME)
            or holds(prime, NATIONAL_PRIME)
            or holds(prime, IS_NATIONAL_PRIME)
        )
        if place != NOTHING:
            row.country = self.country(field(place, COUNTRY))
        return 0

    cdef int read_seller(self, PyObject* offer, Row* row) except -1:
        """getItemOffers can hide sellers, but marks the caller's own offers."""
        row.seller = self.stripped(field(offer, SELLER_ID))
        if row.seller.size == 0 and holds(offer, MY_OFFER):
            row.seller = self.own_seller
        row.own = is_text(row.seller, self.own_seller)
        row.amazon = is_text(row.seller, self.retail_seller)
        return 0

    cdef int read_amounts(self, PyObject* offer, Row* row) except -1:
        cdef PyObject* price = part(offer, PRICE, Money)
        cdef PyObject* shipping = part(offer, SHIPPING, Money)
        cdef PyObject* points = field(offer, POINTS)
        if price != NOTHING:
            row.item_price = self.minor(price, "ListingPrice")
        if row.item_price == 0:
            raise no_price()
        if shipping != NOTHING:
            row.shipping = self.minor(shipping, "Shipping")
        if points != NOTHING:
            row.points = self.amounts.points_minor(<object>points)
        return 0

    cdef int64_t minor(self, PyObject* money, str path) except -1:
        """An amount in the currency of those before it; any other goes to Python."""
        cdef PyObject* code = field(money, CURRENCY)
        cdef int64_t found = -1
        if self.currency and code != NOTHING and <str>code == self.currency:
            found = read_number(field(money, AMOUNT), self.exponent)
        if found < 0:
            found = self.amounts.minor(<object>money, path)
            self.currency, self.exponent = self.amounts.currency, self.amounts.exponent
        return found

    cdef Text stripped(self, PyObject* text) except *:
        cdef Text found = utf8("" if text == NOTHING else <object>text)
        if is_stripped(found):
            return found
        return self.kept((<str>text).strip())

    cdef Text country(self, PyObject* text) except *:
        cdef Text found = utf8("" if text == NOTHING else <object>text)
        if is_capital(found):
            return found
        return self.kept((<str>text).strip().upper())

    cdef Text kept(self, str text) except *:
        self.held.append(text)
        return utf8(text)

    @property
    def has_winner(self):
        """An offer says that it won."""
        cdef int at
        return any([self.rows[at].winner == 1 for at in range(self.count)])

    @property
    def all_tell(self):
        """There are offers, and every one says whether it won."""
        cdef int at
        return self.count > 0 and all(
            [self.rows[at].winner != UNKNOWN for at in range(self.count)]
        )

    @property
    def is_own_ambiguous(self):
        """Several offers are the seller's own and their fulfilment does not tell them apart."""
        cdef int at
        own = [self.rows[at].fulfilment for at in range(self.count) if self.rows[at].own]
        return len(own) > 1 and (len(set(own)) < len(own) or 0 in own)

    def mark_winner(self, int64_t featured_minor):
        """Where no offer says whether it won, the one at the featured landed price did.

        Nothing is marked when none or several have that price: who won is then unknown, and
        unknown is not "lost".
        """
        cdef int winner = UNKNOWN
        cdef int at
        for at in range(self.count):
            if self.rows[at].winner != UNKNOWN:
                return
            if landed(&self.rows[at]) == featured_minor:
                if winner != UNKNOWN:
                    return
                winner = at
        if winner != UNKNOWN:
            for at in range(self.count):
                self.rows[at].winner = at == winner

    def wire(self, bytes before not None, bytes after not None):
        """The snapshot as field `snapshots` of a request, as the generated serialiser writes it:
        its fields before and after the offers, which are messages of their own, around them."""
        cdef Py_ssize_t bound = LONGEST_FRAME + len(before) + len(after)
        cdef uint8_t* out
        cdef uint8_t* end
        cdef int at
        for at in range(self.count):
            bound += LONGEST_ROW + self.rows[at].seller.size + self.rows[at].country.size
        out = <uint8_t*>malloc(bound)
        if out == NULL:
            raise MemoryError(f"{bound} bytes of a snapshot")
        end = put_raw(out + LONGEST_FRAME, before, len(before))
        for at in range(self.count):
            end = put_offer(end, &self.rows[at], self.condition)
        end = put_framed(out, put_raw(end, after, len(after)), SNAPSHOTS_FIELD)
        try:
            return PyBytes_FromStringAndSize(<char*>out, end - out)
        finally:
            free(out)
