/* pattern.h — regular expressions without RE2: all states of the automaton step together over the
 * text, so time grows with text times pattern and never more. The syntax is RE2's; what is not
 * taken (classes of Unicode) is refused by name. */
#ifndef XK_REF_PATTERN_H
#define XK_REF_PATTERN_H

#include "base/allocator.h"
#include "base/string.h"

typedef enum xk_pattern_end {
    XK_PATTERN_DONE,
    XK_PATTERN_WRONG,   /* no regular expression */
    XK_PATTERN_LACKING, /* one that only a build with RE2 takes */
    XK_PATTERN_MEMORY
} xk_pattern_end;

typedef struct xk_pattern_step xk_pattern_step;
typedef struct xk_pattern_range {
    int32_t low, high; /* code points, both included */
} xk_pattern_range;

typedef struct xk_pattern {
    const xinf_allocator *alloc;
    xk_pattern_step *steps;
    xk_pattern_range *ranges;
    int32_t *work; /* made when the pattern is complete */
    size_t step_count, step_room, range_count, range_room, work_size;
    const char *why; /* after a failure */
} xk_pattern;

xk_pattern_end xk_pattern_create(xk_pattern *p, const xinf_allocator *alloc, xi_str text);
void xk_pattern_destroy(xk_pattern *p);
/* The whole text matches. */
bool xk_pattern_matches(xk_pattern *p, xi_str text);

#endif
