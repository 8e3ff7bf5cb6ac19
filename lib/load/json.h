/* json.h — JSON text as a tree, for text that may be hostile: bounded depth, memory linear in the
 * text, no recursion. */
#ifndef XI_LOAD_JSON_H
#define XI_LOAD_JSON_H

#include "base/arena.h"
#include "base/string.h"

#define XI_JSON_DEPTH 100

typedef enum xi_json_kind {
    XI_JSON_NULL = 0,
    XI_JSON_BOOL,
    XI_JSON_INT,
    XI_JSON_DOUBLE,
    XI_JSON_STRING,
    XI_JSON_ARRAY,
    XI_JSON_OBJECT
} xi_json_kind;

typedef struct xi_json {
    xi_json_kind kind;
    int32_t count; /* of ARRAY and OBJECT */
    xi_str key;    /* of a member of an object */
    union {
        bool b;
        int64_t i;
        double d; /* Infinity, -Infinity and NaN, which Python writes, are read */
        xi_str
            s; /* unescaped UTF-8: a view of the text when nothing was escaped, else in the arena */
        struct xi_json *first;
    };
    struct xi_json *next; /* the following item or member */
} xi_json;

/* Reads all of `text`, which outlives the tree. `what` names it in messages. On failure *out is
 * NULL. */
xinf_status xi_json_read(const xi_json **out, xi_arena *arena, xi_str text, const char *what,
                         xinf_error *err);

/* The member, or NULL: also when `v` is NULL or no object. Of two members of one name the first is
 * found. */
const xi_json *xi_json_get(const xi_json *v, const char *key);
/* The same, of one kind only. */
const xi_json *xi_json_get_kind(const xi_json *v, const char *key, xi_json_kind kind);
/* The text of a string member; empty when there is none. */
xi_str xi_json_text(const xi_json *v, const char *key);
/* The integer member, or the fallback. */
int64_t xi_json_int(const xi_json *v, const char *key, int64_t fallback);

#endif
