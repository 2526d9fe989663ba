# Eight offers at a time, for the builds whose CPU level compares eight prices at once; the others
# have LANES 0 and go offer by offer. Written with the vector types of GCC and Clang, so that one
# source serves every level. `_market.pxd` says what is looked for, and holds the twin of this.

from libc.stdint cimport int64_t, uint16_t, uint32_t, uint64_t

cdef extern from *:
    """
    #ifndef REPRICED_LANES
    #include <stdint.h>
    #include <string.h>

    typedef struct {
        uint32_t forbidden, min_rating_count, amazon_bits, amazon_fulfilled_bits, winner_bits;
        uint16_t min_rating_bp, max_handling_hours;
        int64_t own, own_landed_minor;
        uint64_t allowed;  /* a bit an offer: what the lists of sellers say */
    } LaneFilter;

    typedef struct {
        int64_t lowest[4], next_above;
        uint64_t passes, winners;  /* a bit an offer */
    } LaneScan;

    #if defined(__AVX512BW__)
    #define REPRICED_LANES 8
    typedef int64_t Lanes __attribute__((vector_size(64)));
    typedef uint32_t Lanes32 __attribute__((vector_size(32)));
    typedef uint16_t Lanes16 __attribute__((vector_size(16)));

    static inline __attribute__((always_inline)) Lanes lanes_least(Lanes a, Lanes b) {
        Lanes less = a < b;
        return (a & less) | (b & ~less);
    }

    /* Prices where `counts`, and the highest number elsewhere. */
    static inline __attribute__((always_inline)) Lanes lanes_rank(Lanes landed, Lanes counts) {
        return (landed | ~counts) & INT64_MAX;
    }

    static inline __attribute__((always_inline)) int64_t lanes_minimum(Lanes v) {
        v = lanes_least(v, __builtin_shuffle(v, (Lanes){4, 5, 6, 7, 0, 1, 2, 3}));
        v = lanes_least(v, __builtin_shuffle(v, (Lanes){2, 3, 0, 1, 6, 7, 4, 5}));
        return v[0] < v[1] ? v[0] : v[1];
    }

    static inline __attribute__((always_inline)) uint64_t lanes_union(Lanes v) {
        v |= __builtin_shuffle(v, (Lanes){4, 5, 6, 7, 0, 1, 2, 3});
        v |= __builtin_shuffle(v, (Lanes){2, 3, 0, 1, 6, 7, 4, 5});
        return (uint64_t)(v[0] | v[1]);
    }

    /* Offers `begin` to `end`, of which there are 8 to 64; the last eight may overlap the others,
       which changes neither a minimum nor a set. */
    static inline __attribute__((always_inline)) void lanes_scan(
        const int64_t *landed_minor, const uint32_t *bits, const uint32_t *rating_count,
        const uint16_t *rating_bp, const uint16_t *handling_hours, int64_t begin, int64_t end,
        const LaneFilter *f, LaneScan *found
    ) {
        const Lanes lane = {0, 1, 2, 3, 4, 5, 6, 7};
        const Lanes none = (Lanes){0} + INT64_MAX;
        Lanes low1 = none, low2 = none, low3 = none, next = none;
        Lanes passing = {0}, winning = {0};
        int64_t at = begin;
        for (;;) {
            Lanes landed;
            Lanes32 bits32, count32;
            Lanes16 rating16, hours16;
            memcpy(&landed, landed_minor + at, sizeof landed);
            memcpy(&bits32, bits + at, sizeof bits32);
            memcpy(&count32, rating_count + at, sizeof count32);
            memcpy(&rating16, rating_bp + at, sizeof rating16);
            memcpy(&hours16, handling_hours + at, sizeof hours16);
            Lanes b = __builtin_convertvector(bits32, Lanes);
            Lanes place = lane + (at - begin);
            Lanes bit = ((Lanes){0} + 1) << place;
            Lanes passes = ((b & (int64_t)f->forbidden) == 0)
                & (__builtin_convertvector(count32, Lanes) >= (int64_t)f->min_rating_count)
                & (__builtin_convertvector(rating16, Lanes) >= (int64_t)f->min_rating_bp)
                & (__builtin_convertvector(hours16, Lanes) <= (int64_t)f->max_handling_hours)
                & (place + begin != f->own)
                & ((bit & (int64_t)f->allowed) != 0);
            Lanes amazon = (b & (int64_t)f->amazon_bits) != 0;
            Lanes fulfilled = ((b & (int64_t)f->amazon_fulfilled_bits) != 0) & ~amazon;
            Lanes counts = passes & (landed > 0);
            low1 = lanes_least(low1, lanes_rank(landed, counts & fulfilled));
            low2 = lanes_least(low2, lanes_rank(landed, counts & ~fulfilled & ~amazon));
            low3 = lanes_least(low3, lanes_rank(landed, counts & amazon));
            next = lanes_least(next, lanes_rank(landed, counts & (landed > f->own_landed_minor)));
            passing |= passes & bit;
            winning |= ((b & (int64_t)f->winner_bits) != 0) & bit;
            at += 8;
            if (at >= end) break;
            if (at > end - 8) at = end - 8;
        }
        found->lowest[1] = lanes_minimum(low1);
        found->lowest[2] = lanes_minimum(low2);
        found->lowest[3] = lanes_minimum(low3);
        found->next_above = lanes_minimum(next);
        found->passes = lanes_union(passing);
        found->winners = lanes_union(winning);
    }
    #else
    #define REPRICED_LANES 0
    static inline void lanes_scan(
        const int64_t *landed_minor, const uint32_t *bits, const uint32_t *rating_count,
        const uint16_t *rating_bp, const uint16_t *handling_hours, int64_t begin, int64_t end,
        const LaneFilter *f, LaneScan *found
    ) { (void)landed_minor; (void)bits; (void)rating_count; (void)rating_bp;
        (void)handling_hours; (void)begin; (void)end; (void)f; (void)found; }
    #endif
    #endif
    """
    enum:
        LANES "REPRICED_LANES"

    ctypedef struct LaneFilter:
        uint32_t forbidden
        uint32_t min_rating_count
        uint32_t amazon_bits
        uint32_t amazon_fulfilled_bits
        uint32_t winner_bits
        uint16_t min_rating_bp
        uint16_t max_handling_hours
        int64_t own
        int64_t own_landed_minor
        uint64_t allowed

    ctypedef struct LaneScan:
        int64_t[4] lowest
        int64_t next_above
        uint64_t passes
        uint64_t winners

    void lanes_scan(
        const int64_t* landed_minor, const uint32_t* bits, const uint32_t* rating_count,
        const uint16_t* rating_bp, const uint16_t* handling_hours, int64_t begin, int64_t end,
        const LaneFilter* filter, LaneScan* found
    ) noexcept nogil

    int count_bits "__builtin_popcountll" (uint64_t bits) noexcept nogil
    int first_bit "__builtin_ctzll" (uint64_t bits) noexcept nogil
