/* dlpack.c — tensors in and out by DLPack 1.x (https://dmlc.github.io/dlpack/latest/c_api.html). */
#include <string.h>

#include "tensor/tensor.h"

/* The C layout that the standard fixes. */
typedef struct dlpack_tensor {
    void *data;
    int32_t device_type, device_id;
    int32_t ndim;
    uint8_t code, bits;
    uint16_t lanes;
    int64_t *shape, *strides;
    uint64_t byte_offset;
} dlpack_tensor;

struct DLManagedTensorVersioned {
    uint32_t major, minor;
    void *manager_ctx;
    void (*deleter)(struct DLManagedTensorVersioned *self);
    uint64_t flags;
    dlpack_tensor dl;
};

enum {
    DLPACK_CPU = 1,
    DLPACK_INT = 0,
    DLPACK_UINT = 1,
    DLPACK_FLOAT = 2,
    DLPACK_BFLOAT = 4,
    DLPACK_COMPLEX = 5,
    DLPACK_BOOL = 6
};

typedef struct dlpack_row {
    xinf_dtype dtype;
    uint8_t code, bits;
} dlpack_row;

static const dlpack_row dlpack_rows[] = {
    {XINF_FLOAT32, DLPACK_FLOAT, 32},
    {XINF_FLOAT64, DLPACK_FLOAT, 64},
    {XINF_FLOAT16, DLPACK_FLOAT, 16},
    {XINF_BFLOAT16, DLPACK_BFLOAT, 16},
    {XINF_INT8, DLPACK_INT, 8},
    {XINF_INT16, DLPACK_INT, 16},
    {XINF_INT32, DLPACK_INT, 32},
    {XINF_INT64, DLPACK_INT, 64},
    {XINF_UINT8, DLPACK_UINT, 8},
    {XINF_UINT16, DLPACK_UINT, 16},
    {XINF_UINT32, DLPACK_UINT, 32},
    {XINF_UINT64, DLPACK_UINT, 64},
    {XINF_BOOL, DLPACK_BOOL, 8},
    {XINF_COMPLEX64, DLPACK_COMPLEX, 64},
    {XINF_COMPLEX128, DLPACK_COMPLEX, 128},
};
enum { DLPACK_ROWS = sizeof dlpack_rows / sizeof dlpack_rows[0] };

static void dlpack_release(void *self)
{
    struct DLManagedTensorVersioned *m = self;
    if (m->deleter) m->deleter(m);
}

static bool dlpack_dense(const dlpack_tensor *t, const xi_shape *shape)
{
    int64_t strides[XI_MAX_RANK];
    if (!t->strides) return true;
    xi_shape_strides(shape, strides);
    for (int32_t i = 0; i < shape->rank; i++)
        if (shape->dim[i] != 1 && t->strides[i] != strides[i]) return false;
    return true;
}

/* Copies strided elements into a dense tensor, odometer over all axes. */
static void dlpack_gather(xinf_tensor *dst, const dlpack_tensor *src)
{
    int64_t at[XI_MAX_RANK] = {0};
    size_t item = xinf_dtype_size(dst->dtype);
    const char *base = (const char *)src->data + src->byte_offset;
    for (int64_t i = 0; i < dst->count; i++) {
        int64_t offset = 0;
        for (int32_t k = 0; k < dst->shape.rank; k++) offset += at[k] * src->strides[k];
        memcpy((char *)dst->data + (size_t)i * item, base + offset * (int64_t)item, item);
        for (int32_t k = dst->shape.rank - 1; k >= 0 && ++at[k] == dst->shape.dim[k]; k--)
            at[k] = 0;
    }
}

xinf_status xi_tensor_from_dlpack(xinf_tensor **out, const xinf_allocator *alloc,
                                  struct DLManagedTensorVersioned *m, xinf_error *err)
{
    *out = NULL;
    if (m->major != 1)
        return xi_fail(err, XINF_UNSUPPORTED, "DLPack version %u.%u", m->major, m->minor);
    const dlpack_tensor *t = &m->dl;
    if (t->device_type != DLPACK_CPU)
        return xi_fail(err, XINF_UNSUPPORTED, "DLPack device type %d", t->device_type);
    if (t->ndim < 0 || t->ndim > XI_MAX_RANK)
        return xi_fail(err, XINF_UNSUPPORTED, "DLPack tensor of rank %d", t->ndim);
    xinf_dtype dtype = XINF_UNDEFINED;
    for (int i = 0; i < DLPACK_ROWS; i++)
        if (dlpack_rows[i].code == t->code && dlpack_rows[i].bits == t->bits && t->lanes == 1)
            dtype = dlpack_rows[i].dtype;
    if (dtype == XINF_UNDEFINED)
        return xi_fail(err, XINF_UNSUPPORTED, "DLPack element type %d of %d bits, %d lanes",
                       t->code, t->bits, t->lanes);
    xi_shape shape = xi_shape_of(t->ndim, t->shape);
    size_t size;
    xinf_status status = xi_tensor_bytes(dtype, &shape, &size, err);
    if (status != XINF_OK) return status;
    if (dlpack_dense(t, &shape))
        return xi_tensor_wrap(out, alloc, dtype, &shape,
                              size ? (char *)t->data + t->byte_offset : NULL, size, dlpack_release,
                              m, err);
    status = xi_tensor_create(out, alloc, dtype, &shape, false, err);
    if (status != XINF_OK) return status;
    dlpack_gather(*out, t);
    dlpack_release(m);
    return XINF_OK;
}

/* What xinf_tensor_to_dlpack gives: the managed tensor first, so that both have one address. */
typedef struct dlpack_export {
    struct DLManagedTensorVersioned managed;
    xinf_allocator alloc;
    int64_t shape[XI_MAX_RANK], strides[XI_MAX_RANK];
} dlpack_export;

static void dlpack_end(struct DLManagedTensorVersioned *m)
{
    dlpack_export *e = (dlpack_export *)m;
    xinf_allocator alloc = e->alloc;
    xinf_tensor_destroy(m->manager_ctx);
    xi_free(&alloc, e, sizeof *e);
}

xinf_status xinf_tensor_to_dlpack(struct DLManagedTensorVersioned **out, xinf_tensor *t,
                                  xinf_error *err)
{
    if (!out || !t) return xi_fail(err, XINF_INVALID_ARGUMENT, "NULL argument");
    *out = NULL;
    const dlpack_row *row = NULL;
    for (int i = 0; i < DLPACK_ROWS; i++)
        if (dlpack_rows[i].dtype == t->dtype && t->kind == XINF_KIND_TENSOR) row = &dlpack_rows[i];
    if (!row)
        return xi_fail(err, XINF_UNSUPPORTED, "DLPack has no element type for %s",
                       xinf_dtype_name(t->dtype));
    dlpack_export *e = xi_calloc(&t->alloc, 1, sizeof *e);
    if (!e) return xi_fail_memory(err, sizeof *e);
    e->alloc = t->alloc;
    memcpy(e->shape, t->shape.dim, sizeof e->shape);
    xi_shape_strides(&t->shape, e->strides);
    e->managed = (struct DLManagedTensorVersioned){.major = 1,
                                                   .minor = 0,
                                                   .manager_ctx = xinf_tensor_retain(t),
                                                   .deleter = dlpack_end,
                                                   .dl = {.data = t->data,
                                                          .device_type = DLPACK_CPU,
                                                          .ndim = t->shape.rank,
                                                          .code = row->code,
                                                          .bits = row->bits,
                                                          .lanes = 1,
                                                          .shape = e->shape,
                                                          .strides = e->strides}};
    *out = &e->managed;
    return XINF_OK;
}
