#include "load/protobuf.h"

#include <string.h>

#include "base/checked.h"

#define PROTOBUF_MAX_FIELDS 64

typedef struct protobuf_frame {
    const ProtobufCMessageDescriptor *descriptor;
    uint8_t *message;
    const uint8_t *cursor, *end;
} protobuf_frame;

typedef struct protobuf_reader {
    xi_arena *arena;
    size_t arena_start, payload;
    uint64_t limit;
    bool measuring; /* first walk: nothing is allocated, the weight bytes are counted */
    const uint8_t *data;
    const char *what;
    xinf_error *err;
    uint32_t depth;
    protobuf_frame stack[XI_PROTOBUF_DEPTH];
} protobuf_reader;

bool xi_wire_varint(uint64_t *out, const uint8_t **cursor, const uint8_t *end)
{
    const uint8_t *p = *cursor;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (p == end) return false;
        uint8_t byte = *p++;
        if (shift < 64) value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *cursor = p;
            *out = value;
            return true;
        }
    }
    return false;
}

static uint64_t wire_fixed(const uint8_t *p, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, p, size);
    return value;
}

bool xi_wire_next(xi_wire_field *out, const uint8_t **cursor, const uint8_t *end, const char **why)
{
    const uint8_t *p = *cursor;
    uint64_t tag, size;
    *why = "a field's number is cut off or too long";
    if (!xi_wire_varint(&tag, &p, end)) return false;
    *why = "a field has number 0 or one above the format's range";
    if (tag >> 3 == 0 || tag > UINT32_MAX) return false;
    out->id = (uint32_t)(tag >> 3);
    out->wire = (uint32_t)(tag & 7);
    out->value = 0;
    out->body = p;
    switch (out->wire) {
    case 0:
        *why = "an integer is cut off or too long";
        if (!xi_wire_varint(&out->value, &p, end)) return false;
        out->body_size = (size_t)(p - out->body);
        break;
    case 1:
    case 5:
        *why = "a number is cut off";
        out->body_size = out->wire == 1 ? 8 : 4;
        if ((size_t)(end - p) < out->body_size) return false;
        out->value = wire_fixed(p, out->body_size);
        p += out->body_size;
        break;
    case 2:
        *why = "a length is cut off or too long";
        if (!xi_wire_varint(&size, &p, end)) return false;
        *why = "a length goes past the end";
        if (size > (uint64_t)(end - p)) return false;
        out->body = p;
        out->body_size = (size_t)size;
        p += size;
        break;
    default:
        *why = out->wire < 5 ? "a group, which is not allowed" : "an unknown wire type";
        return false;
    }
    *cursor = p;
    return true;
}

static const ProtobufCFieldDescriptor *protobuf_field(const ProtobufCMessageDescriptor *d,
                                                      uint32_t id)
{
    unsigned low = 0, high = d->n_fields;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (d->fields[mid].id == id) return &d->fields[mid];
        if (d->fields[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static bool protobuf_is_payload(const ProtobufCFieldDescriptor *f)
{
    static const char suffix[] = "_payload";
    size_t length = f->type == PROTOBUF_C_TYPE_BYTES ? strlen(f->name) : 0;
    return length >= sizeof suffix &&
           memcmp(f->name + length - (sizeof suffix - 1), suffix, sizeof suffix - 1) == 0;
}

static uint32_t protobuf_wire(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return 1;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return 5;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return 2;
    default: return 0;
    }
}

/* Bytes of one element in the C struct. */
static size_t protobuf_element(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return 8;
    case PROTOBUF_C_TYPE_STRING: return sizeof(char *);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    default: return 4;
    }
}

static xinf_status protobuf_bad(protobuf_reader *r, const uint8_t *at, const char *why)
{
    const protobuf_frame *f = r->depth ? &r->stack[r->depth - 1] : NULL;
    return xi_fail(r->err, XINF_MALFORMED, "%s: byte %zu, in a %s: %s", r->what,
                   (size_t)(at - r->data), f ? f->descriptor->short_name : "file", why);
}

static xinf_status protobuf_alloc(protobuf_reader *r, void **out, size_t count, size_t size,
                                  const uint8_t *at)
{
    size_t bytes;
    if (!xi_mul_size(count, size, &bytes) || r->arena->used - r->arena_start > r->limit ||
        bytes > r->limit - (r->arena->used - r->arena_start))
        return xi_fail(
            r->err, XINF_LIMIT,
            "%s: byte %zu: the description takes more than the %llu bytes of memory allowed for it",
            r->what, (size_t)(at - r->data), (unsigned long long)r->limit);
    *out = xi_arena_alloc(r->arena, bytes);
    if (*out) return XINF_OK;
    return xi_fail_memory(r->err, bytes);
}

/* How many elements a field's occurrence adds to a repeated field; false when a packed block does
 * not divide. */
static bool protobuf_count(const ProtobufCFieldDescriptor *f, const xi_wire_field *w, size_t *out)
{
    uint32_t wire = protobuf_wire(f->type);
    *out = 1;
    if (w->wire == wire) return true;
    *out = 0;
    if (w->wire != 2) {
        *out = protobuf_is_payload(f);
        return true;
    }
    if (wire == 0) {
        for (size_t i = 0; i < w->body_size; i++) *out += w->body[i] < 0x80;
        return w->body_size == 0 || w->body[w->body_size - 1] < 0x80;
    }
    size_t unit = wire == 1 ? 8 : 4;
    *out = w->body_size / unit;
    return w->body_size % unit == 0;
}

/* Looks through one message without entering its parts and makes room for its repeated fields. */
static xinf_status protobuf_reserve(protobuf_reader *r, const protobuf_frame *frame)
{
    const ProtobufCMessageDescriptor *d = frame->descriptor;
    size_t counts[PROTOBUF_MAX_FIELDS] = {0}, more;
    const uint8_t *cursor = frame->cursor;
    const char *why;
    xi_wire_field w;
    while (cursor < frame->end) {
        const uint8_t *at = cursor;
        if (!xi_wire_next(&w, &cursor, frame->end, &why)) return protobuf_bad(r, at, why);
        const ProtobufCFieldDescriptor *f = protobuf_field(d, w.id);
        if (!f || f->label != PROTOBUF_C_LABEL_REPEATED) continue;
        if (!protobuf_count(f, &w, &more))
            return protobuf_bad(r, at, "a packed block ends inside an element");
        counts[f - d->fields] += more;
    }
    for (unsigned i = 0; i < d->n_fields; i++) {
        if (!counts[i]) continue;
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        size_t have, element = protobuf_element(f->type);
        void *items, **slot = (void **)(frame->message + f->offset);
        memcpy(&have, frame->message + f->quantifier_offset, sizeof have);
        xinf_status status = protobuf_alloc(r, &items, have + counts[i], element, frame->end);
        if (status) return status;
        if (have) memcpy(items, *slot, have * element);
        *slot = items;
    }
    return XINF_OK;
}

static void protobuf_store(void *dst, ProtobufCType type, uint64_t value)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SINT64: value = (value >> 1) ^ (~(value & 1) + 1); break;
    case PROTOBUF_C_TYPE_BOOL: value = value != 0; break;
    default: break;
    }
    memcpy(dst, &value, protobuf_element(type));
}

static xinf_status protobuf_packed(protobuf_reader *r, const ProtobufCFieldDescriptor *f,
                                   const xi_wire_field *w, uint8_t *items, size_t *count)
{
    size_t element = protobuf_element(f->type);
    uint32_t wire = protobuf_wire(f->type);
    const uint8_t *p = w->body, *end = w->body + w->body_size;
    if (wire != 0) {
        memcpy(items + *count * element, p, w->body_size);
        *count += w->body_size / element;
        return XINF_OK;
    }
    while (p < end) {
        uint64_t value;
        if (!xi_wire_varint(&value, &p, end))
            return protobuf_bad(r, p, "an integer of a packed block is too long");
        protobuf_store(items + *count * element, f->type, value);
        ++*count;
    }
    return XINF_OK;
}

static xinf_status protobuf_push(protobuf_reader *r, const ProtobufCMessageDescriptor *d,
                                 void **slot, const uint8_t *body, size_t size)
{
    xinf_status status;
    if (r->depth == XI_PROTOBUF_DEPTH)
        return xi_fail(r->err, XINF_LIMIT, "%s: byte %zu: messages are nested deeper than %d",
                       r->what, (size_t)(body - r->data), XI_PROTOBUF_DEPTH);
    if (d->n_fields > PROTOBUF_MAX_FIELDS)
        return xi_fail(r->err, XINF_INTERNAL, "%s: message %s has too many fields for the reader",
                       r->what, d->name);
    if (r->measuring) {
        r->stack[r->depth++] = (protobuf_frame){d, NULL, body, body + size};
        return XINF_OK;
    }
    if (!*slot) {
        status = protobuf_alloc(r, slot, 1, d->sizeof_message, body + size);
        if (status) return status;
        ((ProtobufCMessage *)*slot)->descriptor = d;
    }
    protobuf_frame *frame = &r->stack[r->depth++];
    *frame = (protobuf_frame){d, *slot, body, body + size};
    return protobuf_reserve(r, frame);
}

static xinf_status protobuf_repeated(protobuf_reader *r, uint8_t *message,
                                     const ProtobufCFieldDescriptor *f, const xi_wire_field *w)
{
    size_t *count = (size_t *)(message + f->quantifier_offset), element = protobuf_element(f->type);
    uint8_t *items;
    memcpy(&items, message + f->offset, sizeof items);
    if (w->wire != protobuf_wire(f->type) && !protobuf_is_payload(f))
        return w->wire == 2 && w->body_size ? protobuf_packed(r, f, w, items, count) : XINF_OK;
    uint8_t *item = items + *count * element;
    ++*count;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return protobuf_push(r, f->descriptor, (void **)item, w->body, w->body_size);
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        *(ProtobufCBinaryData *)item = (ProtobufCBinaryData){w->body_size, (uint8_t *)w->body};
    else
        protobuf_store(item, f->type, w->value);
    return XINF_OK;
}

/* Another member of the union held the place: its bits mean nothing for this one. */
static void protobuf_select(const ProtobufCMessageDescriptor *d, uint8_t *message,
                            const ProtobufCFieldDescriptor *f)
{
    int chosen;
    memcpy(&chosen, message + f->quantifier_offset, sizeof chosen);
    if (chosen == (int)f->id) return;
    for (unsigned i = 0; i < d->n_fields; i++)
        if (d->fields[i].offset == f->offset && (int)d->fields[i].id == chosen)
            memset(message + f->offset, 0, protobuf_element(d->fields[i].type));
    chosen = (int)f->id;
    memcpy(message + f->quantifier_offset, &chosen, sizeof chosen);
}

static xinf_status protobuf_singular(protobuf_reader *r, const ProtobufCMessageDescriptor *d,
                                     uint8_t *message, const ProtobufCFieldDescriptor *f,
                                     const xi_wire_field *w)
{
    if (w->wire != protobuf_wire(f->type)) return XINF_OK;
    uint8_t *item = message + f->offset;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) protobuf_select(d, message, f);
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return protobuf_push(r, f->descriptor, (void **)item, w->body, w->body_size);
    if (f->type == PROTOBUF_C_TYPE_BYTES)
        *(ProtobufCBinaryData *)item = (ProtobufCBinaryData){w->body_size, (uint8_t *)w->body};
    else
        protobuf_store(item, f->type, w->value);
    if (f->label == PROTOBUF_C_LABEL_OPTIONAL && !(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
        *(protobuf_c_boolean *)(message + f->quantifier_offset) = 1;
    return XINF_OK;
}

static xinf_status protobuf_measure(protobuf_reader *r, const ProtobufCFieldDescriptor *f,
                                    const xi_wire_field *w)
{
    if (w->wire != 2) return XINF_OK;
    if (protobuf_is_payload(f)) r->payload += w->body_size;
    return f->type == PROTOBUF_C_TYPE_MESSAGE
               ? protobuf_push(r, f->descriptor, NULL, w->body, w->body_size)
               : XINF_OK;
}

static xinf_status protobuf_walk(protobuf_reader *r)
{
    while (r->depth) {
        protobuf_frame *frame = &r->stack[r->depth - 1];
        if (frame->cursor == frame->end) {
            r->depth--;
            continue;
        }
        const uint8_t *at = frame->cursor;
        const char *why;
        xi_wire_field w;
        if (!xi_wire_next(&w, &frame->cursor, frame->end, &why)) return protobuf_bad(r, at, why);
        const ProtobufCFieldDescriptor *f = protobuf_field(frame->descriptor, w.id);
        if (!f) continue;
        xinf_status status;
        if (r->measuring)
            status = protobuf_measure(r, f, &w);
        else if (f->label == PROTOBUF_C_LABEL_REPEATED)
            status = protobuf_repeated(r, frame->message, f, &w);
        else
            status = protobuf_singular(r, frame->descriptor, frame->message, f, &w);
        if (status) return status;
    }
    return XINF_OK;
}

xinf_status xi_protobuf_read(ProtobufCMessage **out, size_t *out_payload,
                             const ProtobufCMessageDescriptor *descriptor, const uint8_t *data,
                             size_t size, xi_arena *arena, const xi_protobuf_budget *budget,
                             const char *what, xinf_error *err)
{
    protobuf_reader r = {.arena = arena,
                         .arena_start = arena->used,
                         .data = data,
                         .what = what,
                         .err = err,
                         .measuring = true};
    void *root = NULL;
    *out = NULL;
    xinf_status status = protobuf_push(&r, descriptor, NULL, data, size);
    if (!status) status = protobuf_walk(&r);
    if (status) return status;
    r.limit = budget->fixed ? budget->fixed
                            : budget->base + budget->factor * (uint64_t)(size - r.payload);
    r.measuring = false;
    r.depth = 0;
    status = protobuf_push(&r, descriptor, &root, data, size);
    if (!status) status = protobuf_walk(&r);
    if (status) return status;
    if (out_payload) *out_payload = r.payload;
    *out = root;
    return XINF_OK;
}

#undef PROTOBUF_MAX_FIELDS
