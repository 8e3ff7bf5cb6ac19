/* onnx_bytes.h — writes small ONNX files piece by piece, for tests that need exact bytes. */
#ifndef ONNX_BYTES_H
#define ONNX_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct bytes {
    uint8_t *data;
    size_t size, capacity;
} bytes;

static inline bytes bytes_none(void)
{
    return (bytes){NULL, 0, 0};
}

static inline bytes bytes_add(bytes b, const void *more, size_t size)
{
    if (b.size + size + 1 > b.capacity) {
        b.capacity = 2 * (b.size + size + 16);
        b.data = realloc(b.data, b.capacity);
    }
    if (!b.data) exit(2);
    if (size) memcpy(b.data + b.size, more, size);
    b.size += size;
    return b;
}

static inline bytes bytes_varint(bytes b, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)(v & 127) | (v > 127 ? 128 : 0);
        b = bytes_add(b, &byte, 1);
        v >>= 7;
    } while (v);
    return b;
}

static inline bytes bytes_int(bytes b, unsigned field, uint64_t v)
{
    return bytes_varint(bytes_varint(b, field << 3), v);
}

static inline bytes bytes_text(bytes b, unsigned field, const char *text)
{
    b = bytes_varint(bytes_varint(b, field << 3 | 2), strlen(text));
    return bytes_add(b, text, strlen(text));
}

/* Takes `part` over. */
static inline bytes bytes_part(bytes b, unsigned field, bytes part)
{
    b = bytes_varint(bytes_varint(b, field << 3 | 2), part.size);
    b = bytes_add(b, part.data, part.size);
    free(part.data);
    return b;
}

static inline bytes bytes_value(const char *name)
{
    bytes dim = bytes_int(bytes_none(), 1, 3);
    bytes shape = bytes_part(bytes_none(), 1, dim);
    bytes tensor = bytes_part(bytes_int(bytes_none(), 1, 1), 2, shape);
    return bytes_part(bytes_text(bytes_none(), 1, name), 2, bytes_part(bytes_none(), 1, tensor));
}

static inline bytes bytes_node(const char *op, const char *in, const char *out)
{
    return bytes_text(bytes_text(bytes_text(bytes_none(), 1, in), 2, out), 4, op);
}

static inline bytes bytes_model(bytes graph, uint64_t opset)
{
    bytes set = bytes_int(bytes_text(bytes_none(), 1, ""), 2, opset);
    return bytes_part(bytes_part(bytes_int(bytes_none(), 1, 8), 7, graph), 8, set);
}

#endif
