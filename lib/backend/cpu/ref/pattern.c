/* pattern.c — matching; pattern_parse.c makes the steps. */
#include "backend/cpu/ref/pattern_step.h"

static bool pattern_word(int32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z');
}

/* The code point at `at` and its bytes; -1, which no class holds, for bytes that are no UTF-8. */
int32_t xk_pattern_decode(xi_str s, size_t at, size_t *length)
{
    const uint8_t *b = (const uint8_t *)s.ptr + at;
    size_t count = xi_str_utf8(s.ptr + at, s.len - at);
    *length = count ? count : 1;
    if (count == 0) return -1;
    if (count == 1) return b[0];
    int32_t c = b[0] & (0xff >> (count + 1));
    for (size_t i = 1; i < count; i++) c = c << 6 | (b[i] & 0x3f);
    return c;
}

/* Where the text is: code points before and after, -2 at its ends. */
typedef struct pattern_place {
    int32_t before, after;
} pattern_place;

static bool pattern_holds(int32_t what, pattern_place at)
{
    bool edge = (at.before >= 0 && pattern_word(at.before)) !=
                (at.after >= 0 && pattern_word(at.after));
    switch (what) {
    case PATTERN_TEXT_BEGIN: return at.before == -2;
    case PATTERN_TEXT_END: return at.after == -2;
    case PATTERN_LINE_BEGIN: return at.before == -2 || at.before == '\n';
    case PATTERN_LINE_END: return at.after == -2 || at.after == '\n';
    case PATTERN_EDGE: return edge;
    default: return !edge;
    }
}

static bool pattern_in(const xk_pattern *p, const xk_pattern_step *s, int32_t c)
{
    int32_t low = s->a, high = s->a + s->b;
    while (low < high) { /* the first range that ends at c or later */
        int32_t middle = low + (high - low) / 2;
        if (p->ranges[middle].high < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->a + s->b && p->ranges[low].low <= c;
}

/* A set of steps in the order of their coming, and where each stands. */
typedef struct pattern_set {
    int32_t *item, *place;
    int32_t count;
} pattern_set;

static bool pattern_add(pattern_set *s, int32_t step)
{
    int32_t at = s->place[step];
    if (at < s->count && s->item[at] == step) return false;
    s->place[step] = s->count;
    s->item[s->count++] = step;
    return true;
}

/* Every step that is reached from `first` without taking a character. */
static void pattern_follow(const xk_pattern *p, pattern_set *set, int32_t *stack, int32_t first,
                           pattern_place at)
{
    int32_t depth = 0;
    stack[depth++] = first;
    while (depth) {
        int32_t i = stack[--depth];
        const xk_pattern_step *s = &p->steps[i];
        if (!pattern_add(set, i)) continue;
        if (s->kind == PATTERN_FORK) {
            stack[depth++] = i + s->b;
            stack[depth++] = i + s->a;
        } else if (s->kind == PATTERN_JUMP) {
            stack[depth++] = i + s->a;
        } else if (s->kind == PATTERN_ASSERT && pattern_holds(s->a, at)) {
            stack[depth++] = i + 1;
        }
    }
}

bool xk_pattern_matches(xk_pattern *p, xi_str text)
{
    int32_t n = (int32_t)p->step_count;
    pattern_set now = {p->work, p->work + n, 0}, next = {p->work + 2 * n, p->work + 3 * n, 0};
    int32_t *stack = p->work + 4 * n; /* each step of a set puts two there at most */
    size_t at = 0, length = 0;
    pattern_place place = {-2, text.len ? xk_pattern_decode(text, 0, &length) : -2};
    pattern_follow(p, &now, stack, 0, place);
    while (at < text.len && now.count) {
        int32_t c = place.after;
        at += length;
        place = (pattern_place){c, at < text.len ? xk_pattern_decode(text, at, &length) : -2};
        next.count = 0;
        for (int32_t k = 0; k < now.count; k++) {
            const xk_pattern_step *s = &p->steps[now.item[k]];
            if (s->kind == PATTERN_TAKE && pattern_in(p, s, c))
                pattern_follow(p, &next, stack, now.item[k] + 1, place);
        }
        pattern_set old = now;
        now = next;
        next = old;
    }
    for (int32_t k = 0; at == text.len && k < now.count; k++)
        if (p->steps[now.item[k]].kind == PATTERN_FOUND) return true;
    return false;
}

void xk_pattern_destroy(xk_pattern *p)
{
    if (!p->alloc) return;
    if (p->steps) xi_free(p->alloc, p->steps, p->step_room * sizeof *p->steps);
    if (p->ranges) xi_free(p->alloc, p->ranges, p->range_room * sizeof *p->ranges);
    if (p->work) xi_free(p->alloc, p->work, p->work_size);
    *p = (xk_pattern){.why = p->why};
}
