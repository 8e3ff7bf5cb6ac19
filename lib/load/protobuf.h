/* protobuf.h — reads protobuf bytes into the C structs that protoc-c lays out, for bytes that may
 * be hostile.
 *
 * Only the descriptor tables of the generated code are used. Strings and bytes point into the
 * input, which must outlive the tree. Everything else comes from one arena, so there is nothing to
 * free message by message. No recursion.
 *
 * As protobuf demands: unknown fields and known fields with a foreign wire type are skipped, the
 * last value of a singular field wins, the parts of a singular message that occurs twice are
 * merged, repeated scalars may be packed or not, the last member of a oneof wins. Groups are
 * refused.
 *
 * A `repeated bytes` field whose name ends in "_payload" holds weights: each occurrence becomes one
 * slice, a packed block as well as the bytes of a single unpacked element. Their bytes (and those
 * of `bytes …_payload`) are not counted as description. */
#ifndef XI_LOAD_PROTOBUF_H
#define XI_LOAD_PROTOBUF_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/string.h"
#include "xinf.h"

#define XI_PROTOBUF_DEPTH 100

/* What the reader may take: base + factor × (input bytes − weight bytes), or `fixed` when that is
 * not 0. */
typedef struct xi_protobuf_budget {
    uint64_t base, factor, fixed;
} xi_protobuf_budget;
/* 64 MiB + 16 × the description, less what blocks and tables beside the tree take. */
#define XI_PROTOBUF_BUDGET \
    {                      \
        60u << 20, 16, 0   \
    }

/* Reads one message. *out lives in `arena`; on failure it is NULL and the arena may hold leftovers.
 * out_payload (may be NULL) gets the number of weight bytes. `what` names the input in messages,
 * "ONNX model" say. */
xinf_status xi_protobuf_read(ProtobufCMessage **out, size_t *out_payload,
                             const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                             size_t size, xi_arena *arena, const xi_protobuf_budget *budget,
                             const char *what, xinf_error *err);

/* One field as it lies on the wire; `body` is the value's bytes (of a length-delimited field
 * without its length). */
typedef struct xi_wire_field {
    uint32_t id;
    uint32_t wire; /* 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes */
    uint64_t value;
    const uint8_t *body;
    size_t body_size;
} xi_wire_field;

/* Reads the field at *cursor and moves it on. False when the bytes end early or break the rules;
 * *why then says how. */
bool xi_wire_next(xi_wire_field *out, const uint8_t **cursor, const uint8_t *end, const char **why);
/* One varint of at most 10 bytes. */
bool xi_wire_varint(uint64_t *out, const uint8_t **cursor, const uint8_t *end);

static inline xi_str xi_str_of_bytes(ProtobufCBinaryData b)
{
    return (xi_str){(const char *)b.data, b.len};
}

#endif
