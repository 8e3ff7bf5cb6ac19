/* inflate.c — a table of the first bits decodes most symbols at one look; longer codes walk the
 * canonical order. */
#include "load/inflate.h"

#include <string.h>

enum {
    INFLATE_FAST = 10,
    INFLATE_LONGEST = 15,
    INFLATE_LITERALS = 288,
    INFLATE_DISTANCES = 32,
    INFLATE_LENGTHS = 19
};

typedef struct inflate_stream {
    const uint8_t *src, *end;
    uint8_t *out, *dst, *out_end; /* next byte, first byte, end */
    uint64_t bits;                /* not yet used, lowest first */
    uint32_t bit_count;
    const char *why;
} inflate_stream;

/* entry: symbol << 4 | length; 0: longer than the table, or no code */
typedef struct inflate_code {
    uint16_t fast[1 << INFLATE_FAST];
    uint16_t count[INFLATE_LONGEST + 1]; /* of codes by length */
    uint16_t symbols[INFLATE_LITERALS];  /* in canonical order */
} inflate_code;

static bool inflate_fail(inflate_stream *s, const char *why)
{
    if (!s->why) s->why = why;
    return false;
}

/* Beyond the end zero bits are given; using them is found out by inflate_overrun. */
static inline void inflate_fill(inflate_stream *s)
{
    while (s->bit_count <= 56 && s->src < s->end) {
        s->bits |= (uint64_t)*s->src++ << s->bit_count;
        s->bit_count += 8;
    }
}

static bool inflate_take(inflate_stream *s, uint32_t count, uint32_t *out)
{
    if (s->bit_count < count) inflate_fill(s);
    if (s->bit_count < count) return inflate_fail(s, "ends early");
    *out = (uint32_t)(s->bits & ((1u << count) - 1));
    s->bits >>= count;
    s->bit_count -= count;
    return true;
}

static uint32_t inflate_reverse(uint32_t code, uint32_t length)
{
    uint32_t r = 0;
    for (uint32_t i = 0; i < length; i++) r |= (code >> i & 1) << (length - 1 - i);
    return r;
}

/* Makes a code from the lengths of its symbols. An incomplete one is allowed only with a single
 * code of one bit (or none). */
static bool inflate_build(inflate_stream *s, inflate_code *c, const uint8_t *lengths,
                          uint32_t count)
{
    uint16_t next[INFLATE_LONGEST + 2] = {0}, first[INFLATE_LONGEST + 2] = {0};
    int32_t left = 1;
    uint32_t code = 0, used = 0;
    memset(c, 0, sizeof *c);
    for (uint32_t i = 0; i < count; i++) c->count[lengths[i]]++;
    c->count[0] = 0;
    for (uint32_t n = 1; n <= INFLATE_LONGEST; n++) {
        left = (left << 1) - c->count[n];
        if (left < 0) return inflate_fail(s, "has a code with too many symbols");
        next[n] = first[n] = (uint16_t)used;
        used += c->count[n];
    }
    if (left > 0 && !(used == 0 || (used == 1 && c->count[1] == 1)))
        return inflate_fail(s, "has an incomplete code");
    for (uint32_t i = 0; i < count; i++)
        if (lengths[i]) c->symbols[next[lengths[i]]++] = (uint16_t)i;
    for (uint32_t n = 1; n <= INFLATE_FAST; n++) {
        for (uint32_t k = 0; k < c->count[n]; k++, code++)
            for (uint32_t at = inflate_reverse(code, n); at < 1u << INFLATE_FAST; at += 1u << n)
                c->fast[at] = (uint16_t)(c->symbols[first[n] + k] << 4 | n);
        code <<= 1;
    }
    return true;
}

static bool inflate_symbol(inflate_stream *s, const inflate_code *c, uint32_t *out)
{
    inflate_fill(s);
    uint32_t entry = c->fast[s->bits & ((1u << INFLATE_FAST) - 1)];
    if (entry) {
        uint32_t length = entry & 15;
        if (length > s->bit_count) return inflate_fail(s, "ends early");
        s->bits >>= length;
        s->bit_count -= length;
        *out = entry >> 4;
        return true;
    }
    uint32_t code = 0, first = 0, index = 0;
    for (uint32_t n = 1; n <= INFLATE_LONGEST; n++) {
        if (n > s->bit_count) return inflate_fail(s, "ends early");
        code |= (uint32_t)(s->bits >> (n - 1)) & 1;
        if (code - first < c->count[n]) {
            *out = c->symbols[index + code - first];
            s->bits >>= n;
            s->bit_count -= n;
            return true;
        }
        index += c->count[n];
        first = (first + c->count[n]) << 1;
        code <<= 1;
    }
    return inflate_fail(s, "has a code that stands for nothing");
}

static const uint16_t inflate_length_base[29] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                                 15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                                 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t inflate_length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t inflate_distance_base[30] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};

static bool inflate_copy(inflate_stream *s, uint32_t length, uint32_t distance)
{
    if (distance > (size_t)(s->out - s->dst))
        return inflate_fail(s, "refers to bytes before its start");
    if (length > (size_t)(s->out_end - s->out)) return inflate_fail(s, "is longer than declared");
    const uint8_t *from = s->out - distance;
    for (uint32_t i = 0; i < length; i++) s->out[i] = from[i];
    s->out += length;
    return true;
}

static bool inflate_codes(inflate_stream *s, const inflate_code *literals,
                          const inflate_code *distances)
{
    for (;;) {
        uint32_t symbol, extra = 0, length, distance;
        if (!inflate_symbol(s, literals, &symbol)) return false;
        if (symbol < 256) {
            if (s->out == s->out_end) return inflate_fail(s, "is longer than declared");
            *s->out++ = (uint8_t)symbol;
            continue;
        }
        if (symbol == 256) return true;
        symbol -= 257;
        if (symbol >= 29) return inflate_fail(s, "has a length that is none");
        if (!inflate_take(s, inflate_length_extra[symbol], &extra)) return false;
        length = inflate_length_base[symbol] + extra;
        if (!inflate_symbol(s, distances, &symbol)) return false;
        if (symbol >= 30) return inflate_fail(s, "has a distance that is none");
        if (!inflate_take(s, symbol < 4 ? 0 : symbol / 2 - 1, &extra)) return false;
        distance = inflate_distance_base[symbol] + extra;
        if (!inflate_copy(s, length, distance)) return false;
    }
}

static bool inflate_stored(inflate_stream *s)
{
    uint32_t size, check;
    s->bits >>= s->bit_count & 7;
    s->bit_count -= s->bit_count & 7;
    if (!inflate_take(s, 16, &size) || !inflate_take(s, 16, &check)) return false;
    if ((size ^ check) != 0xffff) return inflate_fail(s, "has a block whose length is damaged");
    if (size > (size_t)(s->out_end - s->out)) return inflate_fail(s, "is longer than declared");
    for (; size && s->bit_count; size--) {
        *s->out++ = (uint8_t)s->bits;
        s->bits >>= 8;
        s->bit_count -= 8;
    }
    if (size > (size_t)(s->end - s->src)) return inflate_fail(s, "ends early");
    if (size) memcpy(s->out, s->src, size);
    s->out += size;
    s->src += size;
    return true;
}

static bool inflate_fixed(inflate_stream *s, inflate_code *literals, inflate_code *distances)
{
    uint8_t lengths[INFLATE_LITERALS];
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    if (!inflate_build(s, literals, lengths, INFLATE_LITERALS)) return false;
    memset(lengths, 5, INFLATE_DISTANCES);
    return inflate_build(s, distances, lengths, INFLATE_DISTANCES);
}

/* The lengths of both codes, themselves coded: 16 repeats the last one, 17 and 18 are runs of zero.
 */
static bool inflate_lengths(inflate_stream *s, const inflate_code *code, uint8_t *lengths,
                            uint32_t count)
{
    for (uint32_t at = 0; at < count;) {
        uint32_t symbol, repeat;
        uint8_t value = 0;
        if (!inflate_symbol(s, code, &symbol)) return false;
        if (symbol < 16) {
            lengths[at++] = (uint8_t)symbol;
            continue;
        }
        if (symbol == 16) {
            if (at == 0) return inflate_fail(s, "repeats a length that is not there");
            value = lengths[at - 1];
        }
        if (!inflate_take(s, symbol == 16 ? 2 : symbol == 17 ? 3 : 7, &repeat)) return false;
        repeat += symbol == 18 ? 11 : 3;
        if (repeat > count - at) return inflate_fail(s, "has too many lengths");
        memset(lengths + at, value, repeat);
        at += repeat;
    }
    return true;
}

static bool inflate_dynamic(inflate_stream *s, inflate_code *literals, inflate_code *distances)
{
    static const uint8_t order[INFLATE_LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                   11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[INFLATE_LITERALS + INFLATE_DISTANCES] = {0};
    uint32_t literal_count, distance_count, length_count, length;
    if (!inflate_take(s, 5, &literal_count) || !inflate_take(s, 5, &distance_count) ||
        !inflate_take(s, 4, &length_count))
        return false;
    literal_count += 257;
    distance_count += 1;
    length_count += 4;
    if (literal_count > 286 || distance_count > 30)
        return inflate_fail(s, "declares too many symbols");
    for (uint32_t i = 0; i < length_count; i++) {
        if (!inflate_take(s, 3, &length)) return false;
        lengths[order[i]] = (uint8_t)length;
    }
    if (!inflate_build(s, literals, lengths, INFLATE_LENGTHS)) return false;
    memset(lengths, 0, sizeof lengths);
    if (!inflate_lengths(s, literals, lengths, literal_count + distance_count)) return false;
    if (lengths[256] == 0) return inflate_fail(s, "has no end");
    return inflate_build(s, literals, lengths, literal_count) &&
           inflate_build(s, distances, lengths + literal_count, distance_count);
}

bool xi_inflate(uint8_t *dst, size_t dst_size, const uint8_t *src, size_t src_size,
                const char **why)
{
    inflate_stream s = {
        .src = src, .end = src + src_size, .out = dst, .dst = dst, .out_end = dst + dst_size};
    inflate_code literals, distances;
    uint32_t last = 0, kind;
    bool ok = true;
    while (ok && !last) {
        ok = inflate_take(&s, 1, &last) && inflate_take(&s, 2, &kind);
        if (!ok) break;
        if (kind == 0)
            ok = inflate_stored(&s);
        else if (kind == 3)
            ok = inflate_fail(&s, "has a block of unknown kind");
        else
            ok = (kind == 1 ? inflate_fixed(&s, &literals, &distances)
                            : inflate_dynamic(&s, &literals, &distances)) &&
                 inflate_codes(&s, &literals, &distances);
    }
    if (ok && s.out != s.out_end) ok = inflate_fail(&s, "is shorter than declared");
    if (ok && (size_t)(s.end - s.src) + s.bit_count / 8 > 0)
        ok = inflate_fail(&s, "has bytes after its end");
    *why = s.why;
    return ok;
}
