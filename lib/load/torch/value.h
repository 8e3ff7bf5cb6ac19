/* value.h — the tree of values that the pickles of a PyTorch archive hold.
 *
 * One xi_torch_value is one Python object: what the file names twice (through the pickle's memo) is
 * one value with two pointers to it, so identity is pointer identity; `id` numbers the values of an
 * archive for side tables. The tree never has a cycle: a pickle that makes one is refused.
 * Everything is immutable after the archive is open, lives in the archive's arena and dies with it.
 * Strings are UTF-8 and point into the file (or into an inflated copy): not NUL-terminated. */
#ifndef XI_LOAD_TORCH_VALUE_H
#define XI_LOAD_TORCH_VALUE_H

#include "base/string.h"
#include "xinf.h"

/* The most dimensions a tensor may have. */
#define XI_TORCH_MAX_RANK 32

typedef enum xi_torch_kind {
    XI_TORCH_NONE = 0,
    XI_TORCH_BOOL,
    XI_TORCH_INT,
    XI_TORCH_DOUBLE,
    XI_TORCH_COMPLEX,
    XI_TORCH_STRING,
    XI_TORCH_BYTES,
    XI_TORCH_DEVICE, /* torch.device; text is "cpu", "cuda:0", … */
    XI_TORCH_DTYPE,  /* torch.float32, torch.per_tensor_affine, …: a name of module torch; text is
                        "float32", "per_tensor_affine" */
    XI_TORCH_TENSOR,
    XI_TORCH_LIST,
    XI_TORCH_TUPLE, /* torch.Size is one too */
    XI_TORCH_DICT,  /* plain and OrderedDict, in the file's order */
    XI_TORCH_SET,
    XI_TORCH_OBJECT, /* of a class that the archive's own code declares, or a class of torch.classes
                      */
    XI_TORCH_ENUM    /* an enumeration's member: class and value */
} xi_torch_kind;

/* The scalar types of ATen, by their numbers there (c10::ScalarType), as `dtype` arguments in code
 * carry them. */
typedef enum xi_torch_dtype {
    XI_TORCH_UINT8 = 0,
    XI_TORCH_INT8 = 1,
    XI_TORCH_INT16 = 2,
    XI_TORCH_INT32 = 3,
    XI_TORCH_INT64 = 4,
    XI_TORCH_FLOAT16 = 5,
    XI_TORCH_FLOAT32 = 6,
    XI_TORCH_FLOAT64 = 7,
    XI_TORCH_COMPLEX32 = 8,
    XI_TORCH_COMPLEX64 = 9,
    XI_TORCH_COMPLEX128 = 10,
    XI_TORCH_BOOL8 = 11,
    XI_TORCH_QINT8 = 12,
    XI_TORCH_QUINT8 = 13,
    XI_TORCH_QINT32 = 14,
    XI_TORCH_BFLOAT16 = 15,
    XI_TORCH_QUINT4X2 = 16,
    XI_TORCH_QUINT2X4 = 17,
    XI_TORCH_BITS1X8 = 18,
    XI_TORCH_BITS2X4 = 19,
    XI_TORCH_BITS4X2 = 20,
    XI_TORCH_BITS8 = 21,
    XI_TORCH_BITS16 = 22,
    XI_TORCH_FLOAT8_E5M2 = 23,
    XI_TORCH_FLOAT8_E4M3FN = 24,
    XI_TORCH_FLOAT8_E5M2FNUZ = 25,
    XI_TORCH_FLOAT8_E4M3FNUZ = 26,
    XI_TORCH_UINT16 = 27,
    XI_TORCH_UINT32 = 28,
    XI_TORCH_UINT64 = 29,
    XI_TORCH_FLOAT8_E8M0FNU = 44,
    XI_TORCH_DTYPE_UNKNOWN = 255
} xi_torch_dtype;

/* One storage: a run of elements in the file that several tensors may share (identity is pointer
 * identity). Bytes are those of the file, little-endian, at any alignment; elements are not
 * complete beyond size. */
typedef struct xi_torch_storage {
    xi_str key;           /* the record's name below its folder */
    xi_torch_dtype dtype; /* BYTE-typed for an untyped storage */
    const uint8_t *data;
    size_t size;   /* bytes, = count × element size */
    int64_t count; /* elements */
    bool in_file;  /* data lies in the archive's mapped file (not in an inflated copy): it may be
                      kept without a copy */
} xi_torch_storage;

typedef enum xi_torch_scheme {
    XI_TORCH_NOT_QUANTIZED = 0,
    XI_TORCH_PER_TENSOR,       /* scale, zero_point */
    XI_TORCH_PER_CHANNEL,      /* scales, zero_points: rank-1 tensors over `axis` */
    XI_TORCH_PER_CHANNEL_FLOAT /* the same with float zero points: (q − zero) is zero + q × scale
                                  there */
} xi_torch_scheme;

/* A view of a storage. Every element that shape and strides reach lies inside the storage: checked
 * when the archive is opened. Strides are ≥ 0 and count elements. */
typedef struct xi_torch_tensor {
    const xi_torch_storage *storage;
    xi_torch_dtype dtype;
    int32_t rank;
    const int64_t *shape, *strides;
    int64_t offset;      /* elements from the storage's start */
    int64_t count;       /* elements of the tensor */
    const uint8_t *data; /* of element 0: storage->data + offset × element size */
    bool contiguous;     /* row-major without gaps: `data` can be taken as it is */
    bool requires_grad, parameter;
    bool conj, neg; /* a lazily conjugated or negated view (PyTorch's _is_conj, _is_neg bits) */
    xi_torch_scheme scheme;
    double scale;
    int64_t zero_point, axis;
    const struct xi_torch_value *scales, *zero_points;
} xi_torch_tensor;

typedef struct xi_torch_value xi_torch_value;

struct xi_torch_value {
    xi_torch_kind kind;
    uint32_t id; /* 0 … value_count − 1 in its archive */
    /* What torch.jit wrote about the type: "List[int]", "Dict[str, Tensor]", …; empty when it wrote
     * nothing. build_intlist and its like give "List[int]", "List[Tensor]", "List[float]",
     * "List[bool]". */
    xi_str type;
    union {
        bool b;
        int64_t i;
        double d;
        struct {
            double re, im;
        } complex;
        xi_str s; /* STRING, BYTES, DEVICE, DTYPE */
        const xi_torch_tensor *tensor;
        struct {
            xi_torch_value *const *items;
            int32_t count;
        } seq; /* LIST, TUPLE, SET */
        struct {
            xi_torch_value *const *keys, *const *values;
            int32_t count;
        } dict;
        /* class_name: qualified, "__torch__.torch.nn.modules.linear.Linear". state: what
         * __setstate__ gets, or NULL when the object was never given one. A plain object's state is
         * a DICT from attribute names (STRING) to values; an object of a class with its own
         * __setstate__ (the packed parameters of quantised modules are such) has any state. ENUM:
         * state is the member's value. */
        struct {
            xi_str class_name;
            const xi_torch_value *state;
        } object;
    };
};

/* The attribute of an object whose state is a dict, or the entry of a dict with string keys. NULL:
 * there is none. */
const xi_torch_value *xi_torch_value_get(const xi_torch_value *v, const char *name);
/* "tensor", "dict", …, for messages. */
const char *xi_torch_kind_name(xi_torch_kind kind);

/* ---- dtypes ---- */

/* Bytes of one element; 0 for an unknown number and for kinds that pack several elements into a
 * byte. */
int32_t xi_torch_dtype_size(xi_torch_dtype d);
/* "float32", "qint8", …; never NULL. */
const char *xi_torch_dtype_name(xi_torch_dtype d);
/* By torch's name ("float32", or an alias such as "half" or "double"); UNKNOWN when there is none.
 */
xi_torch_dtype xi_torch_dtype_parse(xi_str name);
/* The library's element type; quantised types give the integers they hold. UNDEFINED when there is
 * none (bits, complex32). */
xinf_dtype xi_torch_dtype_element(xi_torch_dtype d);
/* The opposite direction; UNKNOWN when torch has none. */
xi_torch_dtype xi_torch_dtype_of(xinf_dtype d);

#endif
