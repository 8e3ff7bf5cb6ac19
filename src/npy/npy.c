/* npy.c — the format is described in numpy.lib.format. */
#include "npy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NPY_RANK = 12, NPY_HEADER = 65536 };

typedef struct npy_type {
    xinf_dtype dtype;
    char code[4];
} npy_type;

static const npy_type npy_types[] = {
    {XINF_FLOAT32, "f4"},   {XINF_FLOAT64, "f8"},     {XINF_FLOAT16, "f2"}, {XINF_INT8, "i1"},
    {XINF_INT16, "i2"},     {XINF_INT32, "i4"},       {XINF_INT64, "i8"},   {XINF_UINT8, "u1"},
    {XINF_UINT16, "u2"},    {XINF_UINT32, "u4"},      {XINF_UINT64, "u8"},  {XINF_BOOL, "b1"},
    {XINF_COMPLEX64, "c8"}, {XINF_COMPLEX128, "c16"},
};
enum { NPY_TYPES = sizeof npy_types / sizeof npy_types[0] };

typedef struct npy_header {
    xinf_dtype dtype;
    int64_t shape[NPY_RANK];
    int32_t rank;
    int fortran;
} npy_header;

static int npy_fail(xinf_error *err, const char *path, const char *what)
{
    if (!err) return -1;
    err->status = XINF_IO;
    snprintf(err->message, sizeof err->message, "%.400s: %s", path, what);
    return -1;
}

/* The value that follows 'key': in the header's Python dictionary. */
static const char *npy_find(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    if (!at) return NULL;
    at = strchr(at, ':');
    if (!at) return NULL;
    for (at++; *at == ' '; at++) {
    }
    return at;
}

static int npy_parse_shape(npy_header *h, const char *at)
{
    if (!at || *at++ != '(') return -1;
    for (h->rank = 0;;) {
        while (*at == ' ' || *at == ',') at++;
        if (*at == ')') return 0;
        char *end;
        int64_t n = strtoll(at, &end, 10);
        if (end == at || n < 0 || h->rank == NPY_RANK) return -1;
        h->shape[h->rank++] = n;
        at = end;
    }
}

static int npy_parse(npy_header *h, const char *text)
{
    const char *type = npy_find(text, "'descr'"), *order = npy_find(text, "'fortran_order'");
    if (!type || !order || *type++ != '\'') return -1;
    if (*type == '>') return -1; /* big-endian */
    if (*type == '<' || *type == '|' || *type == '=') type++;
    h->dtype = XINF_UNDEFINED;
    for (int i = 0; i < NPY_TYPES; i++) {
        size_t n = strlen(npy_types[i].code);
        if (strncmp(type, npy_types[i].code, n) == 0 && type[n] == '\'')
            h->dtype = npy_types[i].dtype;
    }
    h->fortran = strncmp(order, "True", 4) == 0;
    return h->dtype == XINF_UNDEFINED ? -1 : npy_parse_shape(h, npy_find(text, "'shape'"));
}

static int npy_read_header(FILE *f, npy_header *h)
{
    unsigned char head[12];
    if (fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY", 6) != 0) return -1;
    size_t size = (size_t)head[8] | (size_t)head[9] << 8;
    if (head[6] >= 2) {
        if (fread(head + 10, 1, 2, f) != 2) return -1;
        size |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
    }
    if (size > NPY_HEADER) return -1;
    char *text = malloc(size + 1);
    if (!text) return -1;
    int result = fread(text, 1, size, f) == size ? 0 : -1;
    text[size] = 0;
    if (result == 0) result = npy_parse(h, text);
    free(text);
    return result;
}

/* Column order to row order, element by element. */
static void npy_transpose(const npy_header *h, const char *src, char *dst, size_t item,
                          int64_t count)
{
    int64_t at[NPY_RANK] = {0};
    for (int64_t i = 0; i < count; i++) {
        int64_t offset = 0, stride = 1;
        for (int32_t k = 0; k < h->rank; k++) {
            offset += at[k] * stride;
            stride *= h->shape[k];
        }
        memcpy(dst + (size_t)i * item, src + (size_t)offset * item, item);
        for (int32_t k = h->rank - 1; k >= 0 && ++at[k] == h->shape[k]; k--) at[k] = 0;
    }
}

int npy_read(xinf_tensor **out, xinf_env *env, const char *path, xinf_dtype want, xinf_error *err)
{
    npy_header h = {0};
    int result = -1;
    char *columns = NULL;
    *out = NULL;
    FILE *f = fopen(path, "rb");
    if (!f) return npy_fail(err, path, "cannot be opened");
    if (npy_read_header(f, &h) != 0) {
        npy_fail(err, path, "is not a .npy file of numbers in this machine's byte order");
        goto cleanup;
    }
    if (want != XINF_UNDEFINED && want != h.dtype &&
        xinf_dtype_size(want) == xinf_dtype_size(h.dtype) &&
        (h.dtype == XINF_UINT8 || h.dtype == XINF_UINT16 || h.dtype == XINF_INT8) &&
        want > XINF_COMPLEX128)
        h.dtype = want;
    if (xinf_tensor_create(out, env, h.dtype, h.shape, h.rank, err) != XINF_OK) goto cleanup;
    size_t size = xinf_tensor_size(*out);
    char *data = xinf_tensor_data(*out), *into = data;
    if (h.fortran && h.rank > 1 && size) into = columns = malloc(size);
    if (size && (!into || fread(into, 1, size, f) != size)) {
        npy_fail(err, path, "is shorter than its header says");
        goto cleanup;
    }
    if (columns)
        npy_transpose(&h, columns, data, xinf_dtype_size(h.dtype), xinf_tensor_count(*out));
    result = 0;
cleanup:
    if (result != 0) {
        xinf_tensor_destroy(*out);
        *out = NULL;
    }
    free(columns);
    fclose(f);
    return result;
}

static const char *npy_code(xinf_dtype dtype)
{
    for (int i = 0; i < NPY_TYPES; i++)
        if (npy_types[i].dtype == dtype) return npy_types[i].code;
    return xinf_dtype_size(dtype) == 1 ? "u1" : xinf_dtype_size(dtype) == 2 ? "u2" : NULL;
}

int npy_write(const char *path, xinf_tensor *t, xinf_error *err)
{
    char head[512];
    const char *code = npy_code(xinf_tensor_dtype(t));
    if (xinf_tensor_kind(t) != XINF_KIND_TENSOR || !code)
        return npy_fail(err, path, "this kind of value has no .npy form");
    FILE *f = fopen(path, "wb");
    if (!f) return npy_fail(err, path, "cannot be written");
    int n = snprintf(head, sizeof head, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                     xinf_dtype_size(xinf_tensor_dtype(t)) == 1 ? '|' : '<', code);
    for (int32_t i = 0; i < xinf_tensor_rank(t); i++)
        n += snprintf(head + n, sizeof head - (size_t)n, "%" PRId64 ",%s", xinf_tensor_shape(t)[i],
                      i + 1 < xinf_tensor_rank(t) ? " " : "");
    n += snprintf(head + n, sizeof head - (size_t)n, "), }");
    while ((10 + n + 1) % 64) head[n++] = ' ';
    head[n++] = '\n';
    unsigned char magic[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(n & 255), (unsigned char)(n >> 8)};
    size_t size = xinf_tensor_size(t);
    int ok = fwrite(magic, 1, 10, f) == 10 && fwrite(head, 1, (size_t)n, f) == (size_t)n &&
             (size == 0 || fwrite(xinf_tensor_data(t), 1, size, f) == size);
    return fclose(f) == 0 && ok ? 0 : npy_fail(err, path, "cannot be written");
}
