/* model_bytes.c — the few fields of onnx.proto that the tests need. */
#include "model_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void bytes_add(model_bytes *b, const void *data, size_t size)
{
    if (b->size + size > b->capacity) {
        b->capacity = (b->size + size) * 2 + 64;
        b->data = realloc(b->data, b->capacity);
        if (!b->data) {
            fprintf(stderr, "out of memory\n");
            exit(99);
        }
    }
    if (size) memcpy(b->data + b->size, data, size);
    b->size += size;
}

static void bytes_varint(model_bytes *b, uint64_t v)
{
    unsigned char text[10];
    size_t n = 0;
    for (; v >= 128; v >>= 7) text[n++] = (unsigned char)(v | 128);
    text[n++] = (unsigned char)v;
    bytes_add(b, text, n);
}

static void field_int(model_bytes *b, int field, int64_t v)
{
    bytes_varint(b, (uint64_t)field << 3);
    bytes_varint(b, (uint64_t)v);
}

static void field_bytes(model_bytes *b, int field, const void *data, size_t size)
{
    bytes_varint(b, (uint64_t)field << 3 | 2);
    bytes_varint(b, size);
    bytes_add(b, data, size);
}

static void field_text(model_bytes *b, int field, const char *s)
{
    field_bytes(b, field, s, strlen(s));
}

static void field_part(model_bytes *b, int field, model_bytes *part)
{
    field_bytes(b, field, part->data, part->size);
    model_release(part);
}

void model_release(model_bytes *b)
{
    free(b->data);
    *b = (model_bytes){0};
}

/* Attributes are kept ready to be appended to a node. */
static void attribute_end(model_bytes *a, model_bytes *one, int type)
{
    field_int(one, 20, type);
    field_part(a, 5, one);
}

void model_attribute_int(model_bytes *a, const char *name, int64_t value)
{
    model_bytes one = {0};
    field_text(&one, 1, name);
    field_int(&one, 3, value);
    attribute_end(a, &one, 2);
}

void model_attribute_ints(model_bytes *a, const char *name, const int64_t *values, int count)
{
    model_bytes one = {0};
    field_text(&one, 1, name);
    for (int i = 0; i < count; i++) field_int(&one, 8, values[i]);
    attribute_end(a, &one, 7);
}

void model_attribute_text(model_bytes *a, const char *name, const char *value)
{
    model_bytes one = {0};
    field_text(&one, 1, name);
    field_text(&one, 4, value);
    attribute_end(a, &one, 3);
}

void model_attribute_float(model_bytes *a, const char *name, float value)
{
    model_bytes one = {0};
    field_text(&one, 1, name);
    bytes_varint(&one, 2 << 3 | 5);
    bytes_add(&one, &value, 4);
    attribute_end(a, &one, 1);
}

void model_node(model_bytes *g, const char *domain, const char *op, const char *const *in,
                int in_count, const char *out, const model_bytes *attributes)
{
    model_bytes n = {0};
    for (int i = 0; i < in_count; i++) field_text(&n, 1, in[i]);
    field_text(&n, 2, out);
    field_text(&n, 3, out);
    field_text(&n, 4, op);
    if (attributes) bytes_add(&n, attributes->data, attributes->size);
    if (domain[0]) field_text(&n, 7, domain);
    field_part(g, 1, &n);
}

void model_floats(model_bytes *g, const char *name, int rank, const int64_t *shape,
                  const float *data)
{
    model_bytes t = {0};
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        field_int(&t, 1, shape[i]);
        count *= (size_t)shape[i];
    }
    field_int(&t, 2, 1);
    field_text(&t, 8, name);
    field_bytes(&t, 9, data, count * 4);
    field_part(g, 5, &t);
}

static void model_value(model_bytes *g, int field, const char *name, int rank, const int64_t *shape)
{
    model_bytes dims = {0}, tensor = {0}, type = {0}, value = {0};
    for (int i = 0; i < rank; i++) {
        model_bytes dim = {0};
        if (shape[i] >= 0) field_int(&dim, 1, shape[i]);
        field_part(&dims, 1, &dim);
    }
    field_int(&tensor, 1, 1);
    field_part(&tensor, 2, &dims);
    field_part(&type, 1, &tensor);
    field_text(&value, 1, name);
    field_part(&value, 2, &type);
    field_part(g, field, &value);
}

void model_input(model_bytes *g, const char *name, int rank, const int64_t *shape)
{
    model_value(g, 11, name, rank, shape);
}

void model_output(model_bytes *g, const char *name, int rank, const int64_t *shape)
{
    model_value(g, 12, name, rank, shape);
}

model_bytes model_finish(model_bytes *g)
{
    model_bytes m = {0}, opset = {0};
    field_text(g, 2, "test");
    field_int(&m, 1, 8);
    field_part(&m, 7, g);
    field_int(&opset, 2, 20);
    field_part(&m, 8, &opset);
    return m;
}
