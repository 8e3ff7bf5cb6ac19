/* regex.h — regular expressions by RE2, whose time grows with the text's length only. pattern.h
 * stands in where the build is without RE2. */
#ifndef XK_REF_REGEX_H
#define XK_REF_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct xk_regex xk_regex;

/* NULL: the pattern is wrong, or memory ended; `why` (size bytes) then says it. */
xk_regex *xk_regex_create(const char *pattern, size_t length, char *why, size_t size);
/* The whole text matches. */
bool xk_regex_matches(const xk_regex *r, const char *text, size_t length);
void xk_regex_destroy(xk_regex *r);

#ifdef __cplusplus
}
#endif

#endif
