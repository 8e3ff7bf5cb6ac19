/* archive.h — a file of PyTorch, opened: its tree of values, its code as text, its other records.
 *
 * A PyTorch file is a zip archive with one folder at its top:
 *   version, .data/version   the file format's number
 *   data.pkl, data/N         the pickled object, and one record per storage
 *   constants.pkl, constants/N   a tuple of constants, CONSTANTS.c0 … in the code (TorchScript
 * only) code/….py                TorchScript text (TorchScript only); code/….py.debug_pkl is
 * ignored extra/…                  files the author added byteorder                "little" or
 * "big" Opening maps nothing and executes nothing: it reads bytes that the caller keeps mapped,
 * builds values for what it knows and refuses by name what it does not know. */
#ifndef XI_LOAD_TORCH_ARCHIVE_H
#define XI_LOAD_TORCH_ARCHIVE_H

#include "base/arena.h"
#include "base/file.h"
#include "load/torch/value.h"

/* What the file holds, told by its records. */
typedef enum xi_torch_content {
    XI_TORCH_PROGRAM = 0,    /* TorchScript: code, constants and a module */
    XI_TORCH_WEIGHTS,        /* torch.save of a state_dict, tensors or containers */
    XI_TORCH_PICKLED_MODULE, /* torch.save of a whole module: its class is named, its tensors are
                                listed */
    XI_TORCH_EXPORTED        /* torch.export: JSON programs; see `records` */
} xi_torch_content;

/* One record of the zip archive, inflated when it is stored compressed; checked against its CRC. */
typedef struct xi_torch_record {
    xi_str name; /* without the archive's top folder: "code/__torch__.py",
                    "extra/producer_info.json" */
    const uint8_t *data;
    size_t size;
    bool in_file; /* data lies in the mapped file */
} xi_torch_record;

/* One code/….py. */
typedef struct xi_torch_source {
    xi_str name;   /* "code/__torch__/torch/nn/modules/linear.py" */
    xi_str module; /* qualifier of the classes in it: "__torch__.torch.nn.modules.linear" */
    xi_str text;
} xi_torch_source;

/* A tensor of the file with the dotted path under which it is reached: for `xinf info` and for
 * weights by name. */
typedef struct xi_torch_named_tensor {
    xi_str name; /* "layer1.0.conv1.weight" */
    const xi_torch_tensor *tensor;
} xi_torch_named_tensor;

typedef struct xi_torch_archive {
    xinf_allocator alloc;
    xi_arena arena;
    const xi_file *file; /* the caller's; outlives the archive */
    xi_torch_content content;
    int64_t
        version;   /* of the file format (operator versions follow it); 0 when the file says none */
    xi_str folder; /* the archive's top folder */
    const xi_torch_value *root;             /* data.pkl; NULL for EXPORTED */
    const xi_torch_value *const *constants; /* constants.pkl: CONSTANTS.c<i> */
    int32_t constant_count;
    const xi_torch_source *sources;
    int32_t source_count;
    const xi_torch_record
        *records; /* everything but storages and what is listed above; sorted by name, bytewise */
    int32_t record_count;
    uint32_t value_count; /* ids of values are below it */
    xi_str foreign_class; /* the first class of data.pkl that no code of the archive declares:
                             "torch.nn.modules.linear.Linear" */
} xi_torch_archive;

/* Opens the archive in `file`, which outlives it. limit: of memory for values, text and inflated
 * records; 0: 64 MiB + 16 × the bytes of the file that are no storage. On failure *out is NULL. A
 * legacy (not zipped) file, a big-endian one and a damaged one are refused with a sentence. A
 * state_dict is no failure here: see `content`. */
xinf_status xi_torch_archive_open(xi_torch_archive **out, const xinf_allocator *alloc,
                                  const xi_file *file, uint64_t limit, xinf_error *err);
void xi_torch_archive_close(xi_torch_archive *a);

/* NULL when there is none. */
const xi_torch_source *xi_torch_archive_source(const xi_torch_archive *a, xi_str module);
const xi_torch_record *xi_torch_archive_record(const xi_torch_archive *a, xi_str name);

/* Reads one more pickle record of the archive (a bytecode.pkl, say) into values of the same
 * archive; its storages are looked for below `folder` ("constants/"). */
xinf_status xi_torch_archive_unpickle(const xi_torch_value **out, xi_torch_archive *a,
                                      const char *record, const char *folder, xinf_error *err);

/* All tensors that `root` reaches, each path once, in the file's order. The list lives in the
 * archive. */
xinf_status xi_torch_archive_tensors(const xi_torch_named_tensor **out, int32_t *out_count,
                                     xi_torch_archive *a, xinf_error *err);

/* What to say to somebody who asked for a model and gave weights: which class, and the two lines of
 * Python that help. */
xinf_status xi_torch_archive_refuse_weights(const xi_torch_archive *a, xinf_error *err);

#endif
