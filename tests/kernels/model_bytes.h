/* model_bytes.h — small ONNX models written into memory, for tests that need many of them. */
#ifndef MODEL_BYTES_H
#define MODEL_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct model_bytes {
    char *data;
    size_t size, capacity;
} model_bytes;

/* Pieces of a graph are appended to `g`; memory that runs out ends the program. */
void model_node(model_bytes *g, const char *domain, const char *op, const char *const *in,
                int in_count, const char *out, const model_bytes *attributes);
void model_attribute_int(model_bytes *a, const char *name, int64_t value);
void model_attribute_ints(model_bytes *a, const char *name, const int64_t *values, int count);
void model_attribute_text(model_bytes *a, const char *name, const char *value);
void model_attribute_float(model_bytes *a, const char *name, float value);
void model_floats(model_bytes *g, const char *name, int rank, const int64_t *shape,
                  const float *data);
/* A negative dimension is left open. */
void model_input(model_bytes *g, const char *name, int rank, const int64_t *shape);
void model_output(model_bytes *g, const char *name, int rank, const int64_t *shape);
/* The model around the graph; releases g. */
model_bytes model_finish(model_bytes *g);
void model_release(model_bytes *b);

#endif
