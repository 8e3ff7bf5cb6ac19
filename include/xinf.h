/* xinf.h — libxinf, an embeddable inference library: opens a trained model and runs it.
 *
 * A short tour. An environment (xinf_env) holds what objects share: allocator, logger, executor,
 * your own operators. A loader (xinf_loader) opens a file or memory, tells its format by content
 * and gives a model (xinf_model): immutable, shared by any number of sessions. A session
 * (xinf_session) runs it. Tensors (xinf_tensor) go in and come out. Objects keep alive what they
 * use: destroy them in any order.
 *
 * One complete program; it is examples/first.c, built and run by the tests:
 *
 *     #include <stdio.h>
 *     #include <xinf.h>
 *
 *     int main(int argc, char **argv)
 *     {
 *         xinf_env *env = NULL;
 *         xinf_loader *loader = NULL;
 *         xinf_model *model = NULL;
 *         xinf_session *session = NULL;
 *         xinf_tensor *input = NULL, *output = NULL;
 *         xinf_error err = XINF_ERROR_INIT;
 *         const int64_t shape[4] = {1, 1, 8, 8};
 *         int failed = argc != 2 ||
 *                      xinf_env_create(&env, NULL, &err) ||
 *                      xinf_loader_create(&loader, env, NULL, &err) ||
 *                      xinf_loader_load(&model, loader, argv[1], NULL, &err) ||
 *                      xinf_session_create(&session, model, NULL, &err) ||
 *                      xinf_tensor_create(&input, env, XINF_FLOAT32, shape, 4, &err) ||
 *                      xinf_session_run(session, &input, 1, &output, 1, NULL, &err);
 *         if (failed)
 *             fprintf(stderr, "%s\n", err.message);
 *         else
 *             printf("%f\n", ((const float *)xinf_tensor_data(output))[0]);
 *         xinf_tensor_destroy(output);
 *         xinf_tensor_destroy(input);
 *         xinf_session_destroy(session);
 *         xinf_model_destroy(model);
 *         xinf_loader_destroy(loader);
 *         xinf_env_destroy(env);
 *         return failed;
 *     }
 *
 * Rules that hold everywhere, so that they are said once:
 *   - A function that can fail returns an xinf_status and takes an xinf_error pointer last, which
 * may be NULL.
 *   - Outputs come first. They are set to NULL on entry and hold an object only on success.
 *   - The library never ends the process, never prints, keeps no global state, and starts no thread
 * before a run needs one.
 *   - Every byte of a model or a tensor may be hostile; a bad one gives a status and a sentence.
 *   - Structs that callers fill begin with struct_size and have an XINF_…_INIT; zero in a field
 * means "the default".
 *   - Strings are UTF-8 and NUL-terminated unless a length stands beside them; strings that the
 * library gives stay valid as long as the object they were asked from.
 *   - "Any thread" means: several threads may call it on the same object at the same time.
 */
#ifndef XINF_H
#define XINF_H

#include <stddef.h>
#include <stdint.h>
#ifndef __cplusplus
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define XINF_VERSION_MAJOR 0
#define XINF_VERSION_MINOR 1
#define XINF_VERSION_PATCH 0

#if defined(XINF_STATIC)
#define XINF_API
#elif defined(_WIN32)
#if defined(XINF_BUILD)
#define XINF_API __declspec(dllexport)
#else
#define XINF_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define XINF_API __attribute__((visibility("default")))
#else
#define XINF_API
#endif

/* ---- status and error
 * ------------------------------------------------------------------------------------------------
 */

/* What became of a call. Values never change their meaning. */
typedef int32_t xinf_status;
enum {
    XINF_OK = 0,
    XINF_INVALID_ARGUMENT =
        1, /* the caller broke this header's rules: NULL, a bad enum, a wrong count or name */
    XINF_OUT_OF_MEMORY = 2,
    XINF_IO = 3,          /* a file is missing, unreadable, or could not be written */
    XINF_MALFORMED = 4,   /* the model's bytes break their format's rules */
    XINF_UNSUPPORTED = 5, /* valid, and this build cannot run it; the sentence names what */
    XINF_LIMIT = 6,       /* a limit of bytes, steps, depth or memory was reached */
    XINF_MISMATCH = 7,    /* an input's name, dtype or shape is not what the model declares */
    XINF_RUN_ERROR =
        8, /* the data of this run broke an operator's rule (an index out of range, say) */
    XINF_CANCELLED = 9,
    XINF_DEADLINE = 10,
    XINF_BUSY = 11, /* the session is running on another thread */
    XINF_DEVICE = 12,
    XINF_INTERNAL = 13 /* a bug of ours */
};

/* The sentence that a person needs: what went wrong and where. Owned by the caller; calls that
 * succeed leave it alone. */
typedef struct xinf_error {
    uint32_t struct_size;
    xinf_status status;
    char message[504];
} xinf_error;
#define XINF_ERROR_INIT        \
    {                          \
        sizeof(xinf_error), 0, \
        {                      \
            0                  \
        }                      \
    }

/* The name of a status, "XINF_MALFORMED" say; never NULL. Any thread. */
XINF_API const char *xinf_status_name(xinf_status status);

/* "0.1.0", the version of the library that is linked in. Any thread. */
XINF_API const char *xinf_version(void);

/* ---- data types
 * ------------------------------------------------------------------------------------------------------
 */

/* Element types. The numbers are those of ONNX's TensorProto.DataType. */
typedef int32_t xinf_dtype;
enum {
    XINF_UNDEFINED = 0,
    XINF_FLOAT32 = 1,
    XINF_UINT8 = 2,
    XINF_INT8 = 3,
    XINF_UINT16 = 4,
    XINF_INT16 = 5,
    XINF_INT32 = 6,
    XINF_INT64 = 7,
    XINF_STRING = 8,
    XINF_BOOL = 9, /* one byte, 0 or 1 */
    XINF_FLOAT16 = 10,
    XINF_FLOAT64 = 11,
    XINF_UINT32 = 12,
    XINF_UINT64 = 13,
    XINF_COMPLEX64 = 14,
    XINF_COMPLEX128 = 15,
    XINF_BFLOAT16 = 16,
    XINF_FLOAT8E4M3FN = 17,
    XINF_FLOAT8E4M3FNUZ = 18,
    XINF_FLOAT8E5M2 = 19,
    XINF_FLOAT8E5M2FNUZ = 20,
    XINF_UINT4 = 21, /* in tensors of this library 4-bit and 2-bit elements lie one per byte */
    XINF_INT4 = 22,
    XINF_FLOAT4E2M1 = 23,
    XINF_FLOAT8E8M0 = 24,
    XINF_UINT2 = 25,
    XINF_INT2 = 26
};

/* "float32", …; "undefined" for an unknown number. Any thread. */
XINF_API const char *xinf_dtype_name(xinf_dtype dtype);
/* Bytes of one element in a tensor of this library; 0 for strings and unknown numbers. Any thread.
 */
XINF_API size_t xinf_dtype_size(xinf_dtype dtype);

/* What a value is. */
typedef int32_t xinf_kind;
enum {
    XINF_KIND_NONE = 0, /* an optional that holds nothing */
    XINF_KIND_TENSOR = 1,
    XINF_KIND_SEQUENCE = 2,
    XINF_KIND_MAP = 3 /* items 0…n-1 are values; the keys are one tensor of n int64 or strings */
};

/* ---- environment
 * -----------------------------------------------------------------------------------------------------
 */

/* All memory of the library. fn(self, ptr, old_size, new_size, alignment): new_size 0 frees ptr and
 * returns NULL; ptr NULL allocates; else it moves the block to new_size. Returns NULL when it
 * cannot, and the old block stays valid. Called from any thread at the same time. alignment is a
 * power of two, at most 64. */
typedef struct xinf_allocator {
    void *self;
    void *(*fn)(void *self, void *ptr, size_t old_size, size_t new_size, size_t alignment);
} xinf_allocator;

/* The caller's own threads. parallel runs task(arg, 0) … task(arg, count-1), each once, at most
 * max_concurrency at a time, and returns when all have ended; tasks never wait for one another.
 * With an executor the library starts no thread. */
typedef struct xinf_executor {
    uint32_t struct_size;
    int32_t max_concurrency;
    void *self;
    void (*parallel)(void *self, int32_t count, void (*task)(void *arg, int32_t index), void *arg);
} xinf_executor;

/* Told of noteworthy things (a fallback taken, a slow path). level: 1 warning, 2 information. Any
 * thread may call it. */
typedef struct xinf_logger {
    void *self;
    void (*fn)(void *self, int32_t level, const char *message);
} xinf_logger;

typedef struct xinf_env xinf_env;
typedef struct xinf_env_options {
    uint32_t struct_size;
    uint32_t reserved;
    xinf_allocator allocator;      /* fn NULL: the C library's */
    xinf_logger logger;            /* fn NULL: silent */
    const xinf_executor *executor; /* NULL: each session has threads of its own; copied */
    /* A folder of this user alone (made if need be), in which packed weights of models that are
     * files are kept, so that the next process maps them instead of packing; any file in it may be
     * deleted at any time. NULL: none. docs/weight-cache.md */
    const char *weight_cache;
} xinf_env_options;
#define XINF_ENV_OPTIONS_INIT                             \
    {                                                     \
        sizeof(xinf_env_options), 0, {0, 0}, {0, 0}, 0, 0 \
    }

/* Makes an environment. options may be NULL. The caller owns *out and ends it with
 * xinf_env_destroy. Any thread. */
XINF_API xinf_status xinf_env_create(xinf_env **out, const xinf_env_options *options,
                                     xinf_error *err);
/* Gives up the caller's hold; NULL is a no-op. Any thread. */
XINF_API void xinf_env_destroy(xinf_env *env);

/* ---- tensors
 * ---------------------------------------------------------------------------------------------------------
 */

typedef struct xinf_tensor xinf_tensor;

/* A tensor of zeros (strings: empty), dense and row-major, 64-byte aligned. rank 0…12; every
 * dimension >= 0. The caller owns it. */
XINF_API xinf_status xinf_tensor_create(xinf_tensor **out, xinf_env *env, xinf_dtype dtype,
                                        const int64_t *shape, int32_t rank, xinf_error *err);
/* A view of the caller's dense row-major memory of exactly `size` bytes. `release` (may be NULL) is
 * called once with `self` when the last hold on the tensor ends; on failure it is not called. Not
 * for strings. */
XINF_API xinf_status xinf_tensor_wrap(xinf_tensor **out, xinf_env *env, xinf_dtype dtype,
                                      const int64_t *shape, int32_t rank, void *data, size_t size,
                                      void (*release)(void *self), void *self, xinf_error *err);
/* A sequence of `count` values, or of none; each item's hold is taken over only on success (the
 * caller's hold moves in). */
XINF_API xinf_status xinf_tensor_create_sequence(xinf_tensor **out, xinf_env *env,
                                                 xinf_tensor *const *items, int64_t count,
                                                 xinf_error *err);
/* A map: keys is a rank-1 tensor of int64 or strings of `count` elements; holds move in on success.
 */
XINF_API xinf_status xinf_tensor_create_map(xinf_tensor **out, xinf_env *env, xinf_tensor *keys,
                                            xinf_tensor *const *values, int64_t count,
                                            xinf_error *err);
/* A value of kind XINF_KIND_NONE, for an optional input that is absent. */
XINF_API xinf_status xinf_tensor_create_none(xinf_tensor **out, xinf_env *env, xinf_error *err);

/* DLPack (https://dmlc.github.io/dlpack): struct DLManagedTensorVersioned of major version 1. */
struct DLManagedTensorVersioned;
/* Takes the tensor over on success, its deleter is called when the last hold ends. CPU memory only;
 * strided data is copied. */
XINF_API xinf_status xinf_tensor_from_dlpack(xinf_tensor **out, xinf_env *env,
                                             struct DLManagedTensorVersioned *dl, xinf_error *err);
/* Gives a new managed tensor that shares the memory and keeps the tensor alive until its deleter is
 * called. */
XINF_API xinf_status xinf_tensor_to_dlpack(struct DLManagedTensorVersioned **out,
                                           xinf_tensor *tensor, xinf_error *err);

/* One more hold on the same tensor; returns it. Any thread. */
XINF_API xinf_tensor *xinf_tensor_retain(xinf_tensor *tensor);
/* Gives up a hold; NULL is a no-op. Any thread. */
XINF_API void xinf_tensor_destroy(xinf_tensor *tensor);

XINF_API xinf_kind xinf_tensor_kind(const xinf_tensor *tensor);
XINF_API xinf_dtype xinf_tensor_dtype(const xinf_tensor *tensor);
XINF_API int32_t xinf_tensor_rank(const xinf_tensor *tensor);
/* The dimensions, xinf_tensor_rank of them; valid while the tensor lives. */
XINF_API const int64_t *xinf_tensor_shape(const xinf_tensor *tensor);
/* Elements of a tensor; items of a sequence or map. */
XINF_API int64_t xinf_tensor_count(const xinf_tensor *tensor);
/* Bytes of xinf_tensor_data; 0 for strings, sequences and maps. */
XINF_API size_t xinf_tensor_size(const xinf_tensor *tensor);
/* The elements; NULL for strings, sequences, maps and tensors without elements. The caller may
 * write unless a run uses it. */
XINF_API void *xinf_tensor_data(xinf_tensor *tensor);
/* String `index` of a string tensor: bytes and their count (not NUL-terminated by contract); NULL
 * when there is none. */
XINF_API const char *xinf_tensor_string(const xinf_tensor *tensor, int64_t index, size_t *out_size);
/* Copies `size` bytes in as string `index`. */
XINF_API xinf_status xinf_tensor_set_string(xinf_tensor *tensor, int64_t index, const char *bytes,
                                            size_t size, xinf_error *err);
/* Item of a sequence, value of a map; borrowed: lives as long as `tensor`. NULL when out of range.
 */
XINF_API xinf_tensor *xinf_tensor_item(const xinf_tensor *tensor, int64_t index);
/* The keys of a map, borrowed; else NULL. */
XINF_API xinf_tensor *xinf_tensor_keys(const xinf_tensor *tensor);

/* ---- operators of your own
 * ------------------------------------------------------------------------------------------- */

/* A node of a model, as the callbacks of an operator see it: valid during the call only. */
typedef struct xinf_node xinf_node;
/* The node's name, else its first output's: for messages. size may be NULL; the text is not
 * NUL-terminated. */
XINF_API const char *xinf_node_name(const xinf_node *node, size_t *out_size);
/* Attributes. The fallback is given when there is none of that name and kind; lists and strings:
 * NULL and a count of 0. */
XINF_API int64_t xinf_node_int(const xinf_node *node, const char *name, int64_t fallback);
XINF_API float xinf_node_float(const xinf_node *node, const char *name, float fallback);
XINF_API const char *xinf_node_string(const xinf_node *node, const char *name, size_t *out_size);
XINF_API const int64_t *xinf_node_ints(const xinf_node *node, const char *name, int64_t *out_count);
XINF_API const float *xinf_node_floats(const xinf_node *node, const char *name, int64_t *out_count);

enum { XINF_MAX_RANK = 12, XINF_MAX_OPERANDS = 32 };

/* A tensor that goes into a node or comes out of it: dense and row-major, numbers or bools. This
 * struct never grows. */
typedef struct xinf_operand {
    void *data; /* compute: the elements, aligned to their own size. shape: an input's, where they
                   are known, of any alignment */
    int64_t *shape; /* shape callback: -1 where a dimension is not known; room for XINF_MAX_RANK in
                       outputs */
    int64_t count;  /* elements; -1: not known */
    xinf_dtype dtype; /* XINF_UNDEFINED: not known, or the operand is left out */
    int32_t rank;     /* -1: not known */
    int32_t present;  /* 0: an optional input left out, or an output that nobody reads */
    int32_t reserved;
} xinf_operand;

/* An operator that the library does not have. Both callbacks may be called from any thread, for
 * several sessions at the same time, and must not run the session they are called from. They return
 * XINF_OK, or another status and a sentence in err->message (err is never NULL here), which reaches
 * the caller with the node's name before it.
 *
 * shape fills dtype, rank and shape of each present output from what it knows of the inputs, and
 * refuses inputs that compute could not take. It is asked when a model is loaded, when little may
 * be known, and again before a run, when every dimension is: then no dimension of an output may be
 * left open, unless it follows from the contents of inputs that come with the run. compute reads
 * the inputs and writes all elements of the present outputs; it must give the same for the same
 * inputs. */
typedef struct xinf_operator {
    uint32_t struct_size;
    int32_t reserved;
    const char *domain,
        *name; /* copied. The domain may not be "", "ai.onnx", "ai.onnx.ml" or "xinf" */
    int32_t min_inputs, max_inputs; /* at most XINF_MAX_OPERANDS */
    int32_t min_outputs, max_outputs;
    void *self;
    xinf_status (*shape)(void *self, const xinf_node *node, const xinf_operand *inputs,
                         int32_t input_count, xinf_operand *outputs, int32_t output_count,
                         xinf_error *err);
    xinf_status (*compute)(void *self, const xinf_node *node, const xinf_operand *inputs,
                           int32_t input_count, const xinf_operand *outputs, int32_t output_count,
                           xinf_error *err);
    void (*release)(void *self); /* may be NULL; called once, when the environment and all that came
                                    from it are gone */
} xinf_operator;
#define XINF_OPERATOR_INIT                                     \
    {                                                          \
        sizeof(xinf_operator), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
    }

/* Adds an operator to the environment, for models that are loaded afterwards. It is looked up after
 * the library's own, so it can not replace one. XINF_INVALID_ARGUMENT when a field is missing, or
 * the name is taken by the library or an earlier call; release is then not called. Any thread. */
XINF_API xinf_status xinf_env_add_operator(xinf_env *env, const xinf_operator *op, xinf_error *err);

/* ---- loader
 * ----------------------------------------------------------------------------------------------------------
 */

/* The user's UniversalLoader: any known format, told by content. */
typedef struct xinf_loader xinf_loader;
typedef struct xinf_model xinf_model;
typedef struct xinf_report xinf_report;

typedef struct xinf_loader_options {
    uint32_t struct_size;
    int32_t reserved;
} xinf_loader_options;
#define XINF_LOADER_OPTIONS_INIT       \
    {                                  \
        sizeof(xinf_loader_options), 0 \
    }

/* Bytes that the caller can give piece by piece. read_at returns 0 when all `size` bytes at
 * `offset` were written to dst. map (may be NULL) returns the bytes without a copy, valid until
 * release; else the loader reads them all. */
typedef struct xinf_source {
    uint32_t struct_size;
    uint32_t reserved;
    void *self;
    uint64_t size;
    int32_t (*read_at)(void *self, uint64_t offset, void *dst, size_t size);
    const void *(*map)(void *self);
    void (*release)(void *self); /* may be NULL; called once, when the model no longer needs the
                                    bytes; not when loading fails */
} xinf_source;

typedef int32_t xinf_map;
enum { XINF_MAP_AUTO = 0, XINF_MAP_NEVER = 1 };

typedef struct xinf_load_options {
    uint32_t struct_size;
    xinf_map map;            /* XINF_MAP_NEVER: read the file instead of mapping it */
    const char *format;      /* "onnx"; NULL: told by content */
    const char *base_folder; /* where external data lies; NULL: the model file's folder */
    uint64_t max_bytes; /* of memory for the description of the model, weights apart; 0: 64 MiB + 16
                           × non-weight bytes */
    uint64_t max_steps; /* of nodes after inlining of functions; 0: 4,000,000 */
    uint32_t max_depth; /* of nested graphs; 0: 32 */
    uint32_t reserved;
    const char *method; /* of a program with several (TorchScript); NULL: "forward" */
    const struct xinf_value_info
        *inputs; /* what will be given, for files that do not say it (TorchScript): kind, dtype and
                  * rank of each input, by name, or in the program's order where the name is NULL.
                  * Each key of a dict "d" is an input "d.key"; where order counts, a hint of kind
                  * XINF_KIND_MAP stands for the dict and hints named ".key" follow. NULL: found out
                  */
    int32_t input_count;
    int32_t output_count; /* of outputs below */
    const char *const *
        outputs; /* names of tensors ("dense/Relu:0") that become the outputs of a TensorFlow graph,
                  * which does not say what its outputs are; NULL: those that nothing reads */
    const char *
        signature; /* of a TensorFlow SavedModel; NULL: "serving_default", else the first by name */
} xinf_load_options;
#define XINF_LOAD_OPTIONS_INIT                                           \
    {                                                                    \
        sizeof(xinf_load_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
    }

/* Makes a loader; options may be NULL. Any thread. */
XINF_API xinf_status xinf_loader_create(xinf_loader **out, xinf_env *env,
                                        const xinf_loader_options *options, xinf_error *err);
XINF_API void xinf_loader_destroy(xinf_loader *loader);
/* Opens a model: a file, or the folder of a TensorFlow SavedModel. Weights stay mapped in the file,
 * which must not change while the model lives. A model with operators that this build does not know
 * loads; xinf_session_create then refuses it and names them. The caller owns *out. Any thread. */
XINF_API xinf_status xinf_loader_load(xinf_model **out, xinf_loader *loader, const char *path,
                                      const xinf_load_options *options, xinf_error *err);
/* The same from memory, borrowed until the model (and all its sessions) are gone. */
XINF_API xinf_status xinf_loader_load_memory(xinf_model **out, xinf_loader *loader,
                                             const void *data, size_t size,
                                             const xinf_load_options *options, xinf_error *err);
/* The same from a source. */
XINF_API xinf_status xinf_loader_load_source(xinf_model **out, xinf_loader *loader,
                                             const xinf_source *source,
                                             const xinf_load_options *options, xinf_error *err);
/* Looks into a model without touching its weights: what it holds and what this build could not run.
 * Any thread. */
XINF_API xinf_status xinf_loader_inspect(xinf_report **out, xinf_loader *loader, const char *path,
                                         const xinf_load_options *options, xinf_error *err);

/* ---- report
 * ----------------------------------------------------------------------------------------------------------
 */

XINF_API void xinf_report_destroy(xinf_report *report);
/* "onnx", … */
XINF_API const char *xinf_report_format(const xinf_report *report);
/* Nodes of every graph of the model, those of subgraphs and functions included. */
XINF_API int64_t xinf_report_node_count(const xinf_report *report);
/* Operators in use, sorted: "Conv" or "domain.Name", and how many nodes use each. Counts run from
 * 0. */
XINF_API int32_t xinf_report_operator_count(const xinf_report *report);
XINF_API const char *xinf_report_operator(const xinf_report *report, int32_t index,
                                          int64_t *out_nodes);
/* Sentences that each name a node, its operator and why it would not run; none for a model that
 * runs. */
XINF_API int32_t xinf_report_unsupported_count(const xinf_report *report);
XINF_API const char *xinf_report_unsupported(const xinf_report *report, int32_t index);
/* Bytes of weights as the file stores them. */
XINF_API uint64_t xinf_report_weight_bytes(const xinf_report *report);
/* Graph inputs and outputs are asked from this model, which has no weights loaded; borrowed. */
XINF_API const xinf_model *xinf_report_model(const xinf_report *report);

/* ---- model
 * -----------------------------------------------------------------------------------------------------------
 */

/* A declared input, output or state. A dimension that is not fixed is -1, and its symbol (may be
 * NULL) says its name. */
typedef struct xinf_value_info {
    uint32_t struct_size;
    xinf_kind kind;
    const char *name;
    xinf_dtype dtype;
    int32_t rank; /* -1: not declared */
    const int64_t *shape;
    const char *const *symbols;
    int32_t optional; /* 1: a default value stands in the model, or the type is optional */
    int32_t reserved;
} xinf_value_info;
#define XINF_VALUE_INFO_INIT                            \
    {                                                   \
        sizeof(xinf_value_info), 0, 0, 0, 0, 0, 0, 0, 0 \
    }

XINF_API void xinf_model_destroy(xinf_model *model);
XINF_API int32_t xinf_model_input_count(const xinf_model *model);
XINF_API int32_t xinf_model_output_count(const xinf_model *model);
XINF_API int32_t xinf_model_state_count(const xinf_model *model);
/* Fill *out; its pointers live as long as the model. */
XINF_API xinf_status xinf_model_input(const xinf_model *model, int32_t index, xinf_value_info *out,
                                      xinf_error *err);
XINF_API xinf_status xinf_model_output(const xinf_model *model, int32_t index, xinf_value_info *out,
                                       xinf_error *err);
XINF_API xinf_status xinf_model_state(const xinf_model *model, int32_t index, xinf_value_info *out,
                                      xinf_error *err);
/* The model's own key/value notes (ONNX metadata_props), and "producer_name", "producer_version",
 * "domain", "model_version", "ir_version", "opset" and "doc_string" where the file has them. NULL
 * past the end. */
XINF_API const char *xinf_model_metadata(const xinf_model *model, int32_t index,
                                         const char **out_value);

/* Called with pieces of text; returns 0 to go on. */
typedef int32_t (*xinf_write_fn)(void *self, const char *text, size_t size);
/* Writes the graph in its text form (docs/graph-text.md). */
XINF_API xinf_status xinf_model_print(const xinf_model *model, xinf_write_fn write, void *self,
                                      xinf_error *err);
/* Saves the imported graph as a standard ONNX file; weights go to PATH.data when the whole would
 * pass 2 GiB. */
XINF_API xinf_status xinf_model_save(const xinf_model *model, const char *path, xinf_error *err);

/* Bytes by what they are for. */
typedef struct xinf_memory_info {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t mapped_bytes; /* of the model's files, shared with the page cache */
    uint64_t graph_bytes;  /* the description */
    uint64_t weight_bytes; /* packed, converted or copied weights, shared by the model's sessions */
    uint64_t arena_bytes;  /* intermediate results of one session */
    uint64_t other_bytes;
    uint64_t peak_bytes; /* the most that one run will hold resident, mapped weights included */
} xinf_memory_info;
#define XINF_MEMORY_INFO_INIT                         \
    {                                                 \
        sizeof(xinf_memory_info), 0, 0, 0, 0, 0, 0, 0 \
    }

XINF_API xinf_status xinf_model_memory(const xinf_model *model, xinf_memory_info *out,
                                       xinf_error *err);

/* ---- session
 * ---------------------------------------------------------------------------------------------------------
 */

typedef struct xinf_session xinf_session;

/* The shape an input will have most often; helps the first choice of kernels. */
typedef struct xinf_shape_hint {
    const char *name;
    const int64_t *shape;
    int32_t rank;
    int32_t reserved;
} xinf_shape_hint;

typedef int32_t xinf_precision;
enum { XINF_PRECISION_FP32 = 0 };
typedef int32_t xinf_tune;
enum { XINF_TUNE_OFF = 0 };

typedef struct xinf_session_options {
    uint32_t struct_size;
    int32_t threads;    /* 0: the CPUs this process may use */
    const char *device; /* NULL or "cpu" */
    const char
        *isa; /* the most the CPU may use: "portable", "avx2", "avx512", "neon"; NULL: all it has */
    const char *passes_off;        /* names of passes not to run, separated by commas; "all" */
    const xinf_executor *executor; /* copied; NULL: the environment's, else own threads */
    const xinf_shape_hint *hints;
    int32_t hint_count;
    int32_t spin_us;       /* how long workers spin between steps; 0: 50, -1: not at all */
    uint64_t memory_limit; /* bytes for intermediate results and packed weights; 0: none */
    uint64_t max_steps;    /* of operators in one run, loop bodies counted each time; 0: none */
    xinf_precision precision;
    xinf_tune tune;
} xinf_session_options;
#define XINF_SESSION_OPTIONS_INIT                                        \
    {                                                                    \
        sizeof(xinf_session_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
    }

/* One step of a run, for a profile. All pointers live only during the call. */
typedef struct xinf_step_profile {
    uint32_t struct_size;
    int32_t index;
    const char *node;          /* the node's name */
    const char *op;            /* "Conv" */
    const char *kernel;        /* "xk_conv_f32_direct__avx2" */
    uint64_t start_ns, end_ns; /* of a monotonic clock */
    uint64_t bytes;            /* read and written */
    uint64_t flops;            /* multiply and add count as two; 0: not counted */
} xinf_step_profile;

typedef struct xinf_cancel xinf_cancel;
XINF_API xinf_status xinf_cancel_create(xinf_cancel **out, xinf_env *env, xinf_error *err);
XINF_API void xinf_cancel_destroy(xinf_cancel *cancel);
/* Ends every run that was given this token, within one step; stays set until reset. Any thread,
 * also a signal handler. */
XINF_API void xinf_cancel_trigger(xinf_cancel *cancel);
XINF_API void xinf_cancel_reset(xinf_cancel *cancel);

typedef struct xinf_run_options {
    uint32_t struct_size;
    uint32_t reserved;
    xinf_cancel *cancel;  /* may be NULL */
    uint64_t deadline_us; /* from the call's start; 0: none */
    void (*profile)(void *self,
                    const xinf_step_profile
                        *step); /* called on the calling thread after each step; may be NULL */
    void *profile_self;
} xinf_run_options;
#define XINF_RUN_OPTIONS_INIT                   \
    {                                           \
        sizeof(xinf_run_options), 0, 0, 0, 0, 0 \
    }

/* Makes a session: passes, choice of kernels, packing of weights. Refuses a model with operators
 * this build cannot run and names all of them. options may be NULL. The caller owns *out. Any
 * thread. */
XINF_API xinf_status xinf_session_create(xinf_session **out, xinf_model *model,
                                         const xinf_session_options *options, xinf_error *err);
XINF_API void xinf_session_destroy(xinf_session *session);
/* Runs the model once. inputs and outputs stand in the model's order; counts equal the model's. An
 * input may be NULL when the model has a default for it. An output that is NULL on entry becomes a
 * tensor owned by the session, valid until its next run or its end (xinf_tensor_destroy on it is
 * allowed and does nothing harmful: the caller gets a hold of its own); one that is not NULL is
 * written in place and must have the right dtype and shape. A second run with the same shapes
 * allocates nothing. One call at a time: a second caller gets XINF_BUSY. */
XINF_API xinf_status xinf_session_run(xinf_session *session, xinf_tensor *const *inputs,
                                      int32_t input_count, xinf_tensor **outputs,
                                      int32_t output_count, const xinf_run_options *options,
                                      xinf_error *err);
/* Gives the state values their initial contents again. */
XINF_API xinf_status xinf_session_reset(xinf_session *session, xinf_error *err);
XINF_API xinf_status xinf_session_memory(const xinf_session *session, xinf_memory_info *out,
                                         xinf_error *err);

typedef int32_t xinf_dump;
enum { XINF_DUMP_GRAPH_BEFORE = 0, XINF_DUMP_GRAPH = 1, XINF_DUMP_PLAN = 2 };
/* Writes the graph before or after the session's passes, or the plan (docs/plan.md), as text. */
XINF_API xinf_status xinf_session_print(xinf_session *session, xinf_dump what, xinf_write_fn write,
                                        void *self, xinf_error *err);

/* ---- quantizer
 * -------------------------------------------------------------------------------------------------------
 */

/* The user's DynamicQuantizer: weights of Conv, Gemm and MatMul in few bits, activations in 8,
 * chosen in each run. */
typedef struct xinf_dynamic_quantizer xinf_dynamic_quantizer;

/* Which weights share one scale. */
typedef int32_t xinf_quantize_method;
enum {
    XINF_QUANTIZE_PER_CHANNEL = 0, /* each output channel */
    XINF_QUANTIZE_PER_TENSOR = 1,
    XINF_QUANTIZE_PER_GROUP = 2 /* group_size weights along the summed axis of Gemm and MatMul;
                                   convolutions per channel */
};

typedef struct xinf_quantize_options {
    uint32_t struct_size;
    int32_t weight_bits;     /* 2…8, two's complement; up to 4 bits are stored in 4 */
    int32_t activation_bits; /* 8: DynamicQuantizeLinear before each quantised node; 32: activations
                                stay in float */
    xinf_quantize_method method;
    int32_t group_size; /* 16…256 */
    int32_t reserved;
    uint64_t min_weights; /* nodes with fewer weights stay in float */
} xinf_quantize_options;
#define XINF_QUANTIZE_OPTIONS_INIT                          \
    {                                                       \
        sizeof(xinf_quantize_options), 4, 8, 0, 64, 0, 1024 \
    }

/* What one node became. */
typedef struct xinf_quantize_layer {
    uint32_t struct_size;
    int32_t bits; /* of its weights; 32: left in float */
    const char *name, *op;
    uint64_t bytes_before, bytes_after; /* scales included */
    double sqnr_db; /* of its weights: 10 log10 of their power over that of the error; infinite when
                       nothing was lost */
} xinf_quantize_layer;
#define XINF_QUANTIZE_LAYER_INIT                      \
    {                                                 \
        sizeof(xinf_quantize_layer), 0, 0, 0, 0, 0, 0 \
    }

/* Makes a quantizer; options may be NULL. XINF_INVALID_ARGUMENT names an option that is out of
 * range. Any thread. */
XINF_API xinf_status xinf_dynamic_quantizer_create(xinf_dynamic_quantizer **out, xinf_env *env,
                                                   const xinf_quantize_options *options,
                                                   xinf_error *err);
XINF_API void xinf_dynamic_quantizer_destroy(xinf_dynamic_quantizer *quantizer);
/* Makes a quantised model of `model`, which stays as it is. No data is needed. Scales minimise the
 * squared error of the weights. The result is standard ONNX (xinf_model_save).
 * XINF_INVALID_ARGUMENT for a model that is quantised already, XINF_UNSUPPORTED when there is
 * nothing to quantise, XINF_MALFORMED for weights that are not finite. The caller owns *out. One
 * call at a time. */
XINF_API xinf_status xinf_dynamic_quantizer_fit(xinf_model **out, xinf_dynamic_quantizer *quantizer,
                                                xinf_model *model, xinf_error *err);
/* The nodes of the last fit, in order; pointers live until the next fit or the end. */
XINF_API int32_t xinf_dynamic_quantizer_layer_count(const xinf_dynamic_quantizer *quantizer);
XINF_API xinf_status xinf_dynamic_quantizer_layer(const xinf_dynamic_quantizer *quantizer,
                                                  int32_t index, xinf_quantize_layer *out,
                                                  xinf_error *err);

/* ---- devices
 * ---------------------------------------------------------------------------------------------------------
 */

typedef struct xinf_device_info {
    uint32_t struct_size;
    int32_t units;         /* CPUs this process may use; compute units of a device */
    const char *name;      /* "cpu" */
    const char *model;     /* "AMD EPYC …" */
    const char *features;  /* "avx2 avx512 …", separated by spaces */
    uint64_t memory_bytes; /* 0: not known */
} xinf_device_info;
#define XINF_DEVICE_INFO_INIT                   \
    {                                           \
        sizeof(xinf_device_info), 0, 0, 0, 0, 0 \
    }

XINF_API int32_t xinf_env_device_count(xinf_env *env);
/* Fills *out; its pointers live as long as the environment. */
XINF_API xinf_status xinf_env_device(xinf_env *env, int32_t index, xinf_device_info *out,
                                     xinf_error *err);

#ifdef __cplusplus
}
#endif

#endif
