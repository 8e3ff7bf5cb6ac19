/* payload.h — the contents of one ONNX tensor as memory: a view of the file where the file stores
 * them that way, else decoded. */
#ifndef XI_LOAD_ONNX_PAYLOAD_H
#define XI_LOAD_ONNX_PAYLOAD_H

#include "load/onnx/model.h"

struct Onnx__Tensor;

typedef struct xi_onnx_payload {
    xinf_dtype dtype;
    int32_t rank;
    const int64_t *dims; /* in the tree */
    int64_t count;
    const void *data; /* dense; at any alignment when it is a view; strings: xi_str[count]; 4-bit
                         and 2-bit: one per byte */
    size_t size;
    const xi_file *file; /* the file it is a view of; NULL when decoded */
} xi_onnx_payload;

/* Checks dimensions, dtype and the amount of data against one another, opens external data, decodes
 * what must be. Decoded contents live in model->contents. Messages begin with the tensor's name. */
xinf_status xi_onnx_payload_load(xi_onnx_payload *out, xi_onnx_model *model,
                                 const struct Onnx__Tensor *tensor, xinf_error *err);

/* The number of elements; refuses negative dimensions, more than max_rank of them, and products
 * that do not fit. */
xinf_status xi_onnx_dims_count(int64_t *out, const int64_t *dims, size_t rank, size_t max_rank,
                               xi_str name, xinf_error *err);

#endif
