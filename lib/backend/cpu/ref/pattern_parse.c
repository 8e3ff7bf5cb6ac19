/* pattern_parse.c — from the text of a regular expression to steps. A part of the expression is a
 * run of steps that names others by their distance, so that a repeated part is a copy. */
#include <stdlib.h>

#include "backend/cpu/ref/pattern_step.h"

enum { PATTERN_DEPTH = 200, PATTERN_MAX_RANGES = 100000, PATTERN_TIMES = 1000 };

typedef struct pattern_parser {
    xk_pattern *p;
    xi_str text;
    size_t at;
    bool fold, dot_all, lines; /* (?i) (?s) (?m) */
    int32_t depth;
    size_t first; /* range of the class that is being read */
    xk_pattern_end end;
} pattern_parser;

static bool pattern_fail(pattern_parser *ps, xk_pattern_end end, const char *why)
{
    if (ps->end == XK_PATTERN_DONE) {
        ps->end = end;
        ps->p->why = why;
    }
    return false;
}

static bool pattern_wrong(pattern_parser *ps, const char *why)
{
    return pattern_fail(ps, XK_PATTERN_WRONG, why);
}

static bool pattern_at(const pattern_parser *ps, const char *word)
{
    size_t n = strlen(word);
    return ps->text.len - ps->at >= n && memcmp(ps->text.ptr + ps->at, word, n) == 0;
}

static bool pattern_skip(pattern_parser *ps, const char *word)
{
    if (!pattern_at(ps, word)) return false;
    ps->at += strlen(word);
    return true;
}

/* The next character; false at the end and where the text is no UTF-8. */
static bool pattern_next(pattern_parser *ps, int32_t *c)
{
    size_t length = 0;
    if (ps->at == ps->text.len) return pattern_wrong(ps, "it ends too early");
    *c = xk_pattern_decode(ps->text, ps->at, &length);
    ps->at += length;
    return *c >= 0 || pattern_wrong(ps, "it is not UTF-8");
}

/* ---- steps ---- */

static bool pattern_room(pattern_parser *ps, size_t more)
{
    xk_pattern *p = ps->p;
    if (more > PATTERN_MAX_STEPS - p->step_count)
        return pattern_fail(ps, XK_PATTERN_LACKING, "it is too large");
    void *steps = p->steps;
    bool grown = xi_grow(p->alloc, &steps, &p->step_room, p->step_count + more, sizeof *p->steps);
    p->steps = steps;
    return grown || pattern_fail(ps, XK_PATTERN_MEMORY, "memory ended");
}

static bool pattern_emit(pattern_parser *ps, pattern_kind kind, int32_t a, int32_t b)
{
    if (!pattern_room(ps, 1)) return false;
    ps->p->steps[ps->p->step_count++] = (xk_pattern_step){kind, a, b};
    return true;
}

/* A fork in front of the steps from `start` on. */
static bool pattern_fork(pattern_parser *ps, size_t start, int32_t b)
{
    xk_pattern *p = ps->p;
    if (!pattern_room(ps, 1)) return false;
    memmove(p->steps + start + 1, p->steps + start, (p->step_count - start) * sizeof *p->steps);
    p->steps[start] = (xk_pattern_step){PATTERN_FORK, 1, b};
    p->step_count++;
    return true;
}

static void pattern_copy(xk_pattern *p, size_t from, size_t count)
{
    memcpy(p->steps + p->step_count, p->steps + from, count * sizeof *p->steps);
    p->step_count += count;
}

/* The part from `start` on stands least to most times, most -1: any number. */
static bool pattern_times(pattern_parser *ps, size_t start, int32_t least, int32_t most)
{
    xk_pattern *p = ps->p;
    int32_t n = (int32_t)(p->step_count - start), optional = most < 0 ? 0 : most - least;
    size_t part = start;
    if (n == 0) return true;
    if (most == 0) {
        p->step_count = start;
        return true;
    }
    if (least == 0 && most < 0)
        return pattern_fork(ps, start, n + 2) && pattern_emit(ps, PATTERN_JUMP, -(n + 1), 0);
    if (!pattern_room(ps, (size_t)(least + optional) * ((size_t)n + 1) + 1)) return false;
    if (least == 0) {
        if (!pattern_fork(ps, start, optional * (n + 1))) return false;
        part++;
        optional--;
    }
    for (int32_t i = 1; i < least; i++) pattern_copy(p, part, (size_t)n);
    if (most < 0) return pattern_emit(ps, PATTERN_FORK, -n, 1);
    for (; optional > 0; optional--) {
        p->steps[p->step_count++] = (xk_pattern_step){PATTERN_FORK, 1, optional * (n + 1)};
        pattern_copy(p, part, (size_t)n);
    }
    return true;
}

/* ---- classes ---- */

static bool pattern_range(pattern_parser *ps, int32_t low, int32_t high)
{
    xk_pattern *p = ps->p;
    if (p->range_count >= PATTERN_MAX_RANGES)
        return pattern_fail(ps, XK_PATTERN_LACKING, "it is too large");
    void *ranges = p->ranges; /* twice the class and one: where it is turned round */
    bool grown = xi_grow(p->alloc, &ranges, &p->range_room, 2 * (p->range_count + 2) + 1,
                         sizeof *p->ranges);
    p->ranges = ranges;
    if (!grown) return pattern_fail(ps, XK_PATTERN_MEMORY, "memory ended");
    p->ranges[p->range_count++] = (xk_pattern_range){low, high};
    return true;
}

/* The other case of the letters in low … high. */
static bool pattern_folded(pattern_parser *ps, int32_t low, int32_t high)
{
    if (!pattern_range(ps, low, high)) return false;
    if (!ps->fold) return true;
    if (high > 127) return pattern_fail(ps, XK_PATTERN_LACKING, "(?i) with letters beyond ASCII");
    for (int32_t c = low; c <= high; c++) {
        int32_t lower = c | 32;
        if (lower < 'a' || lower > 'z') continue;
        if (!pattern_range(ps, c ^ 32, c ^ 32)) return false;
        if (lower == 'k' && !pattern_range(ps, 0x212a, 0x212a)) return false; /* Kelvin */
        if (lower == 's' && !pattern_range(ps, 0x17f, 0x17f)) return false;   /* the long s */
    }
    return true;
}

static int pattern_before(const void *a, const void *b)
{
    const xk_pattern_range *x = a, *y = b;
    return x->low < y->low ? -1 : x->low > y->low;
}

/* Sorts and joins the ranges from `first` on; leaves what they do not hold when `other`. */
static void pattern_settle(xk_pattern *p, size_t first, bool other)
{
    size_t count = p->range_count - first, kept = 0;
    xk_pattern_range *r = p->ranges + first, *to = p->ranges + p->range_count;
    int32_t free_from = 0;
    if (count > 1) qsort(r, count, sizeof *r, pattern_before);
    for (size_t i = 0; i < count; i++) {
        if (kept && r[i].low <= r[kept - 1].high + 1) {
            if (r[i].high > r[kept - 1].high) r[kept - 1].high = r[i].high;
        } else {
            r[kept++] = r[i];
        }
    }
    p->range_count = first + kept;
    if (!other) return;
    size_t gaps = 0;
    for (size_t i = 0; i < kept; i++) {
        if (r[i].low > free_from) to[gaps++] = (xk_pattern_range){free_from, r[i].low - 1};
        free_from = r[i].high + 1;
    }
    if (free_from <= PATTERN_LAST) to[gaps++] = (xk_pattern_range){free_from, PATTERN_LAST};
    memmove(r, to, gaps * sizeof *r);
    p->range_count = first + gaps;
}

typedef struct pattern_named {
    const char *name;
    xk_pattern_range ranges[4]; /* ended by one of high 0 */
} pattern_named;

static const pattern_named pattern_perl[] = {
    {"d", {{'0', '9'}}},
    {"s", {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
    {"w", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
};
static const pattern_named pattern_posix[] = {
    {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
    {"ascii", {{0, 127}}},
    {"blank", {{'\t', '\t'}, {' ', ' '}}},
    {"cntrl", {{0, 31}, {127, 127}}},
    {"digit", {{'0', '9'}}},
    {"graph", {{'!', '~'}}},
    {"lower", {{'a', 'z'}}},
    {"print", {{' ', '~'}}},
    {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
    {"space", {{'\t', '\r'}, {' ', ' '}}},
    {"upper", {{'A', 'Z'}}},
    {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};

static bool pattern_group(pattern_parser *ps, const pattern_named *g, bool other)
{
    size_t first = ps->p->range_count;
    for (int32_t i = 0; i < 4 && g->ranges[i].high; i++)
        if (!pattern_folded(ps, g->ranges[i].low, g->ranges[i].high)) return false;
    if (other) pattern_settle(ps->p, first, true);
    return true;
}

/* \d \D \s \S \w \W, with *taken; else the place stays. */
static bool pattern_perl_class(pattern_parser *ps, bool *taken)
{
    *taken = false;
    if (ps->text.len - ps->at < 2 || ps->text.ptr[ps->at] != '\\') return true;
    char c = ps->text.ptr[ps->at + 1];
    for (size_t i = 0; i < sizeof pattern_perl / sizeof *pattern_perl; i++) {
        char name = pattern_perl[i].name[0];
        if (c != name && c != (name ^ 32)) continue;
        ps->at += 2;
        *taken = true;
        return pattern_group(ps, &pattern_perl[i], c != name);
    }
    return true;
}

/* [:name:] and [:^name:] within a class. */
static bool pattern_posix_class(pattern_parser *ps, bool *taken)
{
    *taken = false;
    if (!pattern_at(ps, "[:")) return true;
    for (size_t end = ps->at + 2; end + 1 < ps->text.len; end++) {
        if (ps->text.ptr[end] != ':' || ps->text.ptr[end + 1] != ']') continue;
        size_t from = ps->at + 2;
        bool other = from < end && ps->text.ptr[from] == '^';
        xi_str name = {ps->text.ptr + from + other, end - from - other};
        for (size_t i = 0; i < sizeof pattern_posix / sizeof *pattern_posix; i++) {
            if (!xi_str_is(name, pattern_posix[i].name)) continue;
            ps->at = end + 2;
            *taken = true;
            return pattern_group(ps, &pattern_posix[i], other);
        }
        return pattern_wrong(ps, "a class [:name:] has an unknown name");
    }
    return true;
}

/* ---- characters ---- */

static int32_t pattern_digit(pattern_parser *ps, int32_t base)
{
    if (ps->at == ps->text.len) return -1;
    int32_t c = (uint8_t)ps->text.ptr[ps->at], v = c >= '0' && c <= '9' ? c - '0'
                                                   : (c | 32) >= 'a' && (c | 32) <= 'f'
                                                       ? (c | 32) - 'a' + 10
                                                       : base;
    if (v >= base) return -1;
    ps->at++;
    return v;
}

static bool pattern_hex(pattern_parser *ps, int32_t *c)
{
    bool braces = pattern_skip(ps, "{");
    int32_t digits = 0;
    *c = 0;
    for (int32_t d; (braces || digits < 2) && (d = pattern_digit(ps, 16)) >= 0; digits++) {
        *c = *c * 16 + d;
        if (*c > PATTERN_LAST) return pattern_wrong(ps, "\\x names no character");
    }
    if (braces ? !digits || !pattern_skip(ps, "}") : digits < 2)
        return pattern_wrong(ps, "\\x without its digits");
    return true;
}

/* What stands after a backslash and is one character. */
static bool pattern_escape(pattern_parser *ps, int32_t *c)
{
    static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    if (!pattern_next(ps, c)) return false;
    const char *known = *c && *c < 128 ? strchr(letters, *c) : NULL;
    if (known) {
        *c = values[known - letters];
        return true;
    }
    if (*c == 'x') return pattern_hex(ps, c);
    if (*c == 'p' || *c == 'P' || *c == 'C')
        return pattern_fail(ps, XK_PATTERN_LACKING, "\\p, \\P and \\C");
    if (*c >= '0' && *c <= '7') {
        bool zero = *c == '0';
        int32_t v = *c - '0', d, digits = 1;
        for (; digits < 3 && (d = pattern_digit(ps, 8)) >= 0; digits++) v = v * 8 + d;
        if (!zero && digits == 1) return pattern_wrong(ps, "it refers back to a group");
        *c = v;
        return true;
    }
    bool letter = (*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z') || *c == '_';
    if (*c > 127 || letter) return pattern_wrong(ps, "an unknown letter after a backslash");
    return true;
}

/* One end of a range of a class. */
static bool pattern_class_char(pattern_parser *ps, int32_t *c)
{
    return pattern_skip(ps, "\\") ? pattern_escape(ps, c) : pattern_next(ps, c);
}

static bool pattern_take(pattern_parser *ps, size_t first)
{
    return pattern_emit(ps, PATTERN_TAKE, (int32_t)first, (int32_t)(ps->p->range_count - first));
}

static bool pattern_class(pattern_parser *ps)
{
    size_t first = ps->p->range_count;
    bool other = pattern_skip(ps, "^"), taken;
    for (bool begin = true; begin || !pattern_at(ps, "]"); begin = false) {
        int32_t low, high;
        if (ps->at == ps->text.len) return pattern_wrong(ps, "a class without its ]");
        if (!pattern_posix_class(ps, &taken)) return false;
        if (taken) continue;
        if (!pattern_perl_class(ps, &taken)) return false;
        if (taken) continue;
        if (!pattern_class_char(ps, &low)) return false;
        high = low;
        bool range = pattern_at(ps, "-") && ps->text.len - ps->at > 1 &&
                     ps->text.ptr[ps->at + 1] != ']';
        if (range) {
            ps->at++;
            if (!pattern_class_char(ps, &high)) return false;
        }
        if (high < low) return pattern_wrong(ps, "a range that ends before it begins");
        if (!pattern_folded(ps, low, high)) return false;
    }
    ps->at++;
    pattern_settle(ps->p, first, other);
    return pattern_take(ps, first);
}

static bool pattern_literal(pattern_parser *ps, int32_t c)
{
    size_t first = ps->p->range_count;
    if (!pattern_folded(ps, c, c)) return false;
    pattern_settle(ps->p, first, false);
    return pattern_take(ps, first);
}

static bool pattern_dot(pattern_parser *ps)
{
    size_t first = ps->p->range_count;
    if (!ps->dot_all && !pattern_range(ps, '\n', '\n')) return false;
    if (ps->dot_all && !pattern_range(ps, 0, PATTERN_LAST)) return false;
    pattern_settle(ps->p, first, !ps->dot_all);
    return pattern_take(ps, first);
}

/* ---- parts ---- */

static bool pattern_any(pattern_parser *ps);

/* After "(?": flags; *group when a part in these flags follows, up to its parenthesis. */
static bool pattern_flags(pattern_parser *ps, bool *group)
{
    bool on = true;
    int32_t c;
    for (bool some = false;; some = true) {
        if (!pattern_next(ps, &c)) return false;
        if (c == ')' || c == ':') {
            if (c == ')' && !some) return pattern_wrong(ps, "flags without a letter");
            *group = c == ':';
            return true;
        }
        if (c == '-' && on)
            on = false;
        else if (c == 'i')
            ps->fold = on;
        else if (c == 's')
            ps->dot_all = on;
        else if (c == 'm')
            ps->lines = on;
        else if (c != 'U') /* which of several matches is found makes no difference */
            return pattern_wrong(ps, "an unknown flag");
    }
}

static bool pattern_parenthesis(pattern_parser *ps, bool *nothing)
{
    bool fold = ps->fold, dot_all = ps->dot_all, lines = ps->lines, group = true;
    if (pattern_skip(ps, "?P<") || (pattern_at(ps, "?<") && !pattern_at(ps, "?<=") &&
                                    !pattern_at(ps, "?<!") && pattern_skip(ps, "?<"))) {
        size_t from = ps->at;
        while (ps->at < ps->text.len && ps->text.ptr[ps->at] != '>') ps->at++;
        if (ps->at == from || !pattern_skip(ps, ">")) return pattern_wrong(ps, "a group's name");
    } else if (pattern_skip(ps, "?")) {
        if (!pattern_flags(ps, &group)) return false;
    }
    *nothing = !group;
    if (!group) return true;
    if (++ps->depth > PATTERN_DEPTH)
        return pattern_fail(ps, XK_PATTERN_LACKING, "groups are nested too deep");
    if (!pattern_any(ps)) return false;
    ps->depth--;
    if (!pattern_skip(ps, ")")) return pattern_wrong(ps, "a ( without its )");
    ps->fold = fold;
    ps->dot_all = dot_all;
    ps->lines = lines;
    return true;
}

static bool pattern_backslash(pattern_parser *ps)
{
    static const struct {
        const char *text;
        int32_t what;
    } asserts[] = {{"\\A", PATTERN_TEXT_BEGIN},
                   {"\\z", PATTERN_TEXT_END},
                   {"\\b", PATTERN_EDGE},
                   {"\\B", PATTERN_NO_EDGE}};
    size_t first = ps->p->range_count;
    bool taken;
    int32_t c;
    for (size_t i = 0; i < sizeof asserts / sizeof *asserts; i++)
        if (pattern_skip(ps, asserts[i].text))
            return pattern_emit(ps, PATTERN_ASSERT, asserts[i].what, 0);
    if (!pattern_perl_class(ps, &taken)) return false;
    if (taken) {
        pattern_settle(ps->p, first, false);
        return pattern_take(ps, first);
    }
    ps->at++;
    return pattern_escape(ps, &c) && pattern_literal(ps, c);
}

/* \Q … \E: all but its last character here, so that a repetition takes that one alone. */
static bool pattern_quoted(pattern_parser *ps, size_t *start, bool *nothing)
{
    int32_t c;
    *nothing = true;
    while (ps->at < ps->text.len && !pattern_at(ps, "\\E")) {
        *nothing = false;
        *start = ps->p->step_count;
        if (!pattern_next(ps, &c) || !pattern_literal(ps, c)) return false;
    }
    pattern_skip(ps, "\\E");
    return true;
}

/* {least}, {least,} or {least,most}; else *taken is false and the place stays. */
static bool pattern_count(pattern_parser *ps, int32_t *least, int32_t *most, bool *taken)
{
    size_t from = ps->at;
    int32_t v[2] = {-1, -1}, i = 0;
    *taken = false;
    if (!pattern_skip(ps, "{")) return true;
    for (;; ps->at++) {
        int32_t c = ps->at < ps->text.len ? (uint8_t)ps->text.ptr[ps->at] : 0;
        if (c >= '0' && c <= '9')
            v[i] = (v[i] < 0 ? 0 : v[i] > PATTERN_TIMES ? v[i] : v[i] * 10) + (c - '0');
        else if (c == ',' && i == 0 && v[0] >= 0)
            i = 1;
        else if (c == '}' && v[0] >= 0)
            break;
        else {
            ps->at = from;
            return true;
        }
    }
    ps->at++;
    *taken = true;
    *least = v[0];
    *most = i ? v[1] : v[0];
    if (*least > PATTERN_TIMES || *most > PATTERN_TIMES || (*most >= 0 && *most < *least))
        return pattern_wrong(ps, "a repetition of {…}");
    return true;
}

static bool pattern_repetition(pattern_parser *ps, size_t start, bool nothing, bool *taken)
{
    int32_t least = 0, most = -1;
    *taken = true;
    if (pattern_skip(ps, "+"))
        least = 1;
    else if (pattern_skip(ps, "?"))
        most = 1;
    else if (!pattern_skip(ps, "*") && !pattern_count(ps, &least, &most, taken))
        return false;
    if (!*taken) return true;
    if (nothing) return pattern_wrong(ps, "a repetition of nothing");
    pattern_skip(ps, "?"); /* as few as possible: no difference for a match of the whole */
    return pattern_times(ps, start, least, most);
}

static bool pattern_piece(pattern_parser *ps)
{
    size_t start = ps->p->step_count;
    bool nothing = false, taken, good;
    int32_t c;
    if (pattern_skip(ps, "\\Q")) {
        good = pattern_quoted(ps, &start, &nothing);
    } else if (pattern_at(ps, "\\")) {
        good = pattern_backslash(ps);
    } else {
        if (pattern_at(ps, "{") && (!pattern_repetition(ps, start, true, &taken) || taken))
            return false;
        if (!pattern_next(ps, &c)) return false;
        switch (c) {
        case '(': good = pattern_parenthesis(ps, &nothing); break;
        case '[': good = pattern_class(ps); break;
        case '.': good = pattern_dot(ps); break;
        case '^':
            good = pattern_emit(ps, PATTERN_ASSERT,
                                ps->lines ? PATTERN_LINE_BEGIN : PATTERN_TEXT_BEGIN, 0);
            break;
        case '$':
            good = pattern_emit(ps, PATTERN_ASSERT, ps->lines ? PATTERN_LINE_END : PATTERN_TEXT_END,
                                0);
            break;
        case '*':
        case '+':
        case '?': return pattern_wrong(ps, "a repetition of nothing");
        default: good = pattern_literal(ps, c);
        }
    }
    if (!good || !pattern_repetition(ps, start, nothing, &taken)) return false;
    if (taken && (!pattern_repetition(ps, start, true, &taken) || taken)) return false;
    return true;
}

/* Parts with | between them; each but the last is a fork, itself and a jump behind the last. */
static bool pattern_any(pattern_parser *ps)
{
    xk_pattern *p = ps->p;
    int32_t jump = -1;
    for (;;) {
        size_t start = p->step_count;
        while (ps->at < ps->text.len && !pattern_at(ps, "|") && !pattern_at(ps, ")"))
            if (!pattern_piece(ps)) return false;
        if (!pattern_skip(ps, "|")) break;
        if (!pattern_fork(ps, start, (int32_t)(p->step_count - start) + 2)) return false;
        if (!pattern_emit(ps, PATTERN_JUMP, jump, 0)) return false;
        jump = (int32_t)p->step_count - 1;
    }
    while (jump >= 0) {
        int32_t before = p->steps[jump].a;
        p->steps[jump].a = (int32_t)p->step_count - jump;
        jump = before;
    }
    return true;
}

xk_pattern_end xk_pattern_create(xk_pattern *p, const xinf_allocator *alloc, xi_str text)
{
    *p = (xk_pattern){.alloc = alloc};
    pattern_parser ps = {.p = p, .text = text};
    bool good = pattern_any(&ps);
    if (good && ps.at < text.len) good = pattern_wrong(&ps, "a ) without its (");
    if (good) good = pattern_emit(&ps, PATTERN_FOUND, 0, 0);
    if (good) {
        p->work_size = (6 * p->step_count + 1) * sizeof *p->work;
        p->work = xi_calloc(alloc, 6 * p->step_count + 1, sizeof *p->work);
        if (!p->work) pattern_fail(&ps, XK_PATTERN_MEMORY, "memory ended");
    }
    if (ps.end != XK_PATTERN_DONE) xk_pattern_destroy(p);
    return ps.end;
}
