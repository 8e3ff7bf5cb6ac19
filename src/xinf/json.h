/* json.h — writes JSON: one object a call, commas and quotes put where they belong. */
#ifndef XINF_CLI_JSON_H
#define XINF_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH = 16 };

typedef struct json {
    FILE *to;
    int depth;
    bool used[JSON_DEPTH]; /* something stands before, at this depth */
} json;

/* key: of a member; NULL in a list and at the top. open is '{' or '['. */
void json_open(json *j, const char *key, char open);
void json_close(json *j, char close);
void json_text(json *j, const char *key, const char *text);
/* `size` bytes that need not be UTF-8: what is not becomes U+FFFD. */
void json_bytes(json *j, const char *key, const char *bytes, size_t size);
void json_integer(json *j, const char *key, int64_t value);
void json_number(json *j, const char *key, double value);
void json_bool(json *j, const char *key, bool value);
void json_null(json *j, const char *key);

#endif
