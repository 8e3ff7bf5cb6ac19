#include "load/tensorflow/bundle.h"

#include <stdio.h>

#include "base/allocator.h"
#include "base/checked.h"
#include "load/crc.h"
#include "load/protobuf.h"
#include "load/tensorflow/tensorflow.pb-c.h"
#include "tensor/dtype.h"

enum { BUNDLE_FOOTER = 48, BUNDLE_TRAILER = 5, BUNDLE_MAX_SHARDS = 1024, BUNDLE_MAX_KEY = 4096 };

typedef struct bundle_item {
    xi_str name;
    const Tf__BundleEntry *entry;
} bundle_item;

struct xi_tf_bundle {
    xinf_allocator alloc;
    xi_arena arena;
    xi_file index;
    xi_crc crc;
    xi_file *shards;
    int32_t shard_count, shard_capacity;
    bundle_item *items; /* in the table's order, which is by name */
    size_t item_count, item_capacity;
};

#define BUNDLE_CRC32C 0x82f63b78u

/* Stored sums are turned and shifted, so that a sum over bytes that hold sums stays useful. */
static uint32_t bundle_mask(uint32_t crc)
{
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static uint32_t bundle_u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* ---- the table ---- */

typedef struct bundle_block {
    const uint8_t *data;
    size_t size;
} bundle_block;

/* A compressed block: its length, then runs of bytes and copies of what stands before. */
static bool bundle_unpack(uint8_t *dst, size_t size, const uint8_t *p, const uint8_t *end)
{
    size_t at = 0;
    while (p < end) {
        uint8_t tag = *p++;
        size_t length = (size_t)(tag >> 2) + 1, back = 0, extra = 0;
        if ((tag & 3) == 0) {
            if (length > 60) extra = length - 60, length = 0;
            if (extra > (size_t)(end - p)) return false;
            for (size_t i = 0; i < extra; i++) length |= (size_t)p[i] << (8 * i);
            p += extra;
            if (extra && !xi_add_size(length, 1, &length)) return false;
            if (length > (size_t)(end - p) || length > size - at) return false;
            memcpy(dst + at, p, length);
            p += length;
            at += length;
            continue;
        }
        extra = (tag & 3) == 1 ? 1 : (tag & 3) == 2 ? 2 : 4;
        if (extra > (size_t)(end - p)) return false;
        for (size_t i = 0; i < extra; i++) back |= (size_t)p[i] << (8 * i);
        p += extra;
        if (extra == 1) {
            length = (size_t)(tag >> 2 & 7) + 4;
            back |= (size_t)(tag >> 5) << 8;
        }
        if (back == 0 || back > at || length > size - at) return false;
        for (size_t i = 0; i < length; i++, at++) dst[at] = dst[at - back];
    }
    return at == size;
}

static xinf_status bundle_expand(bundle_block *block, xi_tf_bundle *b, xinf_error *err)
{
    const uint8_t *p = block->data, *end = p + block->size;
    uint64_t size;
    if (!xi_wire_varint(&size, &p, end) || size > 64 * (uint64_t)block->size)
        return xi_fail(err, XINF_MALFORMED,
                       "variables.index: a compressed block does not say how large it is");
    uint8_t *dst = xi_arena_alloc(&b->arena, (size_t)size);
    if (!dst) return xi_fail_memory(err, (size_t)size);
    if (!bundle_unpack(dst, (size_t)size, p, end))
        return xi_fail(err, XINF_MALFORMED, "variables.index: a compressed block is damaged");
    *block = (bundle_block){dst, (size_t)size};
    return XINF_OK;
}

static xinf_status bundle_handle(bundle_block *out, xi_tf_bundle *b, const uint8_t **p,
                                 const uint8_t *end, xinf_error *err)
{
    const xi_file *f = &b->index;
    uint64_t offset, size;
    if (!xi_wire_varint(&offset, p, end) || !xi_wire_varint(&size, p, end))
        return xi_fail(err, XINF_MALFORMED, "variables.index: a block's place is cut off");
    if (offset > f->size || size > f->size - offset || f->size - offset - size < BUNDLE_TRAILER)
        return xi_fail(err, XINF_MALFORMED, "variables.index: a block lies outside the file");
    *out = (bundle_block){f->data + offset, (size_t)size};
    const uint8_t *trailer = out->data + out->size;
    if (trailer[0] > 1)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "variables.index: a block is compressed in a way that is not known");
    if (bundle_mask(xi_crc_add(&b->crc, 0, out->data, out->size + 1)) != bundle_u32(trailer + 1))
        return xi_fail(err, XINF_MALFORMED, "variables.index: a block's checksum does not match");
    return trailer[0] ? bundle_expand(out, b, err) : XINF_OK;
}

typedef struct bundle_cursor {
    const uint8_t *p, *end;
    size_t key_len;
    char key[BUNDLE_MAX_KEY];
    const uint8_t *value;
    size_t value_len;
} bundle_cursor;

static xinf_status bundle_begin(bundle_cursor *c, bundle_block b, xinf_error *err)
{
    uint32_t restarts = b.size >= 4 ? bundle_u32(b.data + b.size - 4) : 0;
    if (b.size < 4 || restarts > (b.size - 4) / 4)
        return xi_fail(err, XINF_MALFORMED, "variables.index: a block's end is damaged");
    c->p = b.data;
    c->end = b.data + b.size - 4 - 4 * (size_t)restarts;
    c->key_len = 0;
    return XINF_OK;
}

/* Keys share their beginning with the one before. */
static xinf_status bundle_next(bundle_cursor *c, xinf_error *err)
{
    uint64_t shared, own, value;
    if (!xi_wire_varint(&shared, &c->p, c->end) || !xi_wire_varint(&own, &c->p, c->end) ||
        !xi_wire_varint(&value, &c->p, c->end) || shared > c->key_len ||
        own > (uint64_t)(c->end - c->p) || value > (uint64_t)(c->end - c->p) - own)
        return xi_fail(err, XINF_MALFORMED, "variables.index: an entry is damaged");
    if (shared + own > BUNDLE_MAX_KEY)
        return xi_fail(err, XINF_LIMIT, "variables.index: a name is longer than %d bytes",
                       (int)BUNDLE_MAX_KEY);
    if (own) memcpy(c->key + shared, c->p, (size_t)own);
    c->key_len = (size_t)(shared + own);
    c->value = c->p + own;
    c->value_len = (size_t)value;
    c->p = c->value + value;
    return XINF_OK;
}

static xinf_status bundle_add(xi_tf_bundle *b, const bundle_cursor *c, xinf_error *err)
{
    ProtobufCMessage *root;
    xi_protobuf_budget budget = XI_PROTOBUF_BUDGET;
    if (c->key_len == 0) {
        xinf_status status = xi_protobuf_read(&root, NULL, &tf__bundle_header__descriptor, c->value,
                                              c->value_len, &b->arena, &budget, "variables.index",
                                              err);
        if (status) return status;
        const Tf__BundleHeader *h = (const Tf__BundleHeader *)root;
        if (h->endianness)
            return xi_fail(err, XINF_UNSUPPORTED, "variables.index: the variables are big-endian");
        if (h->num_shards < 0 || h->num_shards > BUNDLE_MAX_SHARDS)
            return xi_fail(err, XINF_LIMIT, "variables.index: %d data files", (int)h->num_shards);
        b->shard_count = h->num_shards;
        return XINF_OK;
    }
    xi_str name = {xi_arena_strndup(&b->arena, c->key, c->key_len), c->key_len};
    xinf_status status = xi_protobuf_read(&root, NULL, &tf__bundle_entry__descriptor, c->value,
                                          c->value_len, &b->arena, &budget, "variables.index", err);
    if (status) return status;
    if (!name.ptr || !xi_grow(&b->alloc, (void **)&b->items, &b->item_capacity, b->item_count + 1,
                              sizeof *b->items))
        return xi_fail_memory(err, sizeof *b->items);
    b->items[b->item_count++] = (bundle_item){name, (const Tf__BundleEntry *)root};
    return XINF_OK;
}

static xinf_status bundle_block_read(xi_tf_bundle *b, bundle_cursor *c, bundle_block block,
                                     xinf_error *err)
{
    xinf_status status = bundle_begin(c, block, err);
    while (!status && c->p < c->end) {
        status = bundle_next(c, err);
        if (!status) status = bundle_add(b, c, err);
    }
    return status;
}

static xinf_status bundle_table(xi_tf_bundle *b, xinf_error *err)
{
    static const uint8_t magic[8] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    xinf_status status;
    bundle_block block, outer;
    const xi_file *f = &b->index;
    bundle_cursor *c = xi_alloc(&b->alloc, 2 * sizeof *c);
    if (!c) return xi_fail_memory(err, 2 * sizeof *c);
    if (f->size < BUNDLE_FOOTER || memcmp(f->data + f->size - 8, magic, 8) != 0)
        XI_TRY(xi_fail(err, XINF_MALFORMED, "variables.index: this is not a table of variables"));
    const uint8_t *p = f->data + f->size - BUNDLE_FOOTER, *end = f->data + f->size - 8;
    XI_TRY(bundle_handle(&block, b, &p, end, err)); /* of other tables; none are defined */
    XI_TRY(bundle_handle(&outer, b, &p, end, err));
    XI_TRY(bundle_begin(&c[0], outer, err));
    size_t total = 0; /* blocks that overlap would make a small file large */
    while (c[0].p < c[0].end) {
        XI_TRY(bundle_next(&c[0], err));
        const uint8_t *handle = c[0].value;
        XI_TRY(bundle_handle(&block, b, &handle, c[0].value + c[0].value_len, err));
        total += BUNDLE_TRAILER; /* of the smallest one */
        if (total > f->size)
            XI_TRY(xi_fail(err, XINF_MALFORMED, "variables.index: its blocks overlap"));
        XI_TRY(bundle_block_read(b, &c[1], block, err));
    }
cleanup:
    xi_free(&b->alloc, c, 2 * sizeof *c);
    return status;
}

/* ---- opening ---- */

static xinf_status bundle_start(xi_tf_bundle **out, const xinf_allocator *alloc, xi_file *index,
                                xinf_error *err)
{
    xi_tf_bundle *b = xi_calloc(alloc, 1, sizeof *b);
    *out = NULL;
    if (!b) {
        xi_file_close(index);
        return xi_fail_memory(err, sizeof *b);
    }
    b->alloc = *alloc;
    b->index = *index;
    xi_crc_init(&b->crc, BUNDLE_CRC32C);
    xi_arena_init(&b->arena, alloc, (64u << 20) + 16 * index->size);
    xinf_status status = bundle_table(b, err);
    if (status)
        xi_tf_bundle_close(b);
    else
        *out = b;
    return status;
}

xinf_status xi_tf_bundle_read(xi_tf_bundle **out, const xinf_allocator *alloc, const uint8_t *index,
                              size_t size, xinf_error *err)
{
    xi_file file;
    xi_file_borrow(&file, index, size);
    xinf_status status = bundle_start(out, alloc, &file, err);
    if (*out) (*out)->shard_count = 0;
    return status;
}

static xinf_status bundle_shards(xi_tf_bundle *b, const char *folder, bool map, xinf_error *err)
{
    char name[64];
    int32_t count = b->shard_count;
    b->shard_count = 0;
    b->shard_capacity = count + 1;
    b->shards = xi_calloc(&b->alloc, (size_t)count + 1, sizeof *b->shards);
    if (!b->shards) return xi_fail_memory(err, (size_t)count * sizeof *b->shards);
    for (int32_t i = 0; i < count; i++) {
        int len = snprintf(name, sizeof name, "variables/variables.data-%05d-of-%05d", (int)i,
                           (int)count);
        xinf_status status = xi_file_open_below(&b->shards[i], &b->alloc, folder, name, (size_t)len,
                                                map, err);
        if (status) return status;
        b->shard_count = i + 1;
    }
    return XINF_OK;
}

xinf_status xi_tf_bundle_open(xi_tf_bundle **out, const xinf_allocator *alloc, const char *folder,
                              bool map, xinf_error *err)
{
    xi_file index;
    static const char name[] = "variables/variables.index";
    xinf_error own = XINF_ERROR_INIT;
    *out = NULL;
    xinf_status status = xi_file_open_below(&index, alloc, folder, name, sizeof name - 1, map,
                                            &own);
    if (status == XINF_IO) return XINF_OK; /* a model without variables */
    if (!status) status = bundle_start(out, alloc, &index, err);
    if (!status) status = bundle_shards(*out, folder, map, err);
    if (status) {
        xi_tf_bundle_close(*out);
        *out = NULL;
    }
    return status;
}

void xi_tf_bundle_close(xi_tf_bundle *b)
{
    if (!b) return;
    xinf_allocator alloc = b->alloc;
    for (int32_t i = 0; i < b->shard_count && b->shards; i++) xi_file_close(&b->shards[i]);
    xi_free(&alloc, b->shards, (size_t)b->shard_capacity * sizeof *b->shards);
    xi_free(&alloc, b->items, b->item_capacity * sizeof *b->items);
    xi_arena_reset(&b->arena);
    xi_file_close(&b->index);
    xi_free(&alloc, b, sizeof *b);
}

/* ---- reading ---- */

static const Tf__BundleEntry *bundle_search(const xi_tf_bundle *b, xi_str name)
{
    for (size_t i = 0; i < b->item_count; i++)
        if (xi_str_eq(b->items[i].name, name)) return b->items[i].entry;
    return NULL;
}

xinf_status xi_tf_bundle_find(xi_tf_constant *out, xi_tf_bundle *b, xi_str name, xinf_error *err)
{
    const Tf__BundleEntry *e = bundle_search(b, name);
    *out = (xi_tf_constant){.count = 1};
    if (!e)
        return xi_fail(err, XINF_MALFORMED, "variable \"%.*s\" is not among the saved ones",
                       XI_STR_ARG(name));
    out->dtype = xi_tf_dtype(e->dtype);
    size_t element = (size_t)xi_dtype_bits(out->dtype) / 8, want;
    if (e->n_slices || element == 0)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "variable \"%.*s\": it is saved in slices or of type %d", XI_STR_ARG(name),
                       (int)e->dtype);
    if (e->shape && (e->shape->n_dim > 12 || e->shape->unknown_rank))
        return xi_fail(err, XINF_MALFORMED, "variable \"%.*s\": its rank is unknown or too large",
                       XI_STR_ARG(name));
    out->rank = e->shape ? (int32_t)e->shape->n_dim : 0;
    for (int32_t i = 0; i < out->rank; i++) {
        out->dims[i] = e->shape->dim[i]->size;
        if (out->dims[i] < 0 || !xi_mul_i64(out->count, out->dims[i], &out->count))
            return xi_fail(err, XINF_MALFORMED, "variable \"%.*s\": its dimensions are wrong",
                           XI_STR_ARG(name));
    }
    if (!xi_mul_size((size_t)out->count, element, &want) || e->size < 0 ||
        (uint64_t)e->size != want)
        return xi_fail(err, XINF_MALFORMED,
                       "variable \"%.*s\": %lld bytes, its shape wants another number",
                       XI_STR_ARG(name), (long long)e->size);
    if (e->shard_id < 0 || e->shard_id >= b->shard_count)
        return xi_fail(err, XINF_MALFORMED, "variable \"%.*s\": there is no data file %d",
                       XI_STR_ARG(name), (int)e->shard_id);
    const xi_file *f = &b->shards[e->shard_id];
    if (e->offset < 0 || (uint64_t)e->offset > f->size || want > f->size - (size_t)e->offset)
        return xi_fail(err, XINF_MALFORMED, "variable \"%.*s\": it lies outside its data file",
                       XI_STR_ARG(name));
    out->data = f->data + e->offset;
    out->size = want;
    out->file = f;
    if (bundle_mask(xi_crc_add(&b->crc, 0, out->data, want)) != e->crc32c)
        return xi_fail(err, XINF_MALFORMED, "variable \"%.*s\": its checksum does not match",
                       XI_STR_ARG(name));
    return XINF_OK;
}

uint64_t xi_tf_bundle_mapped(const xi_tf_bundle *b)
{
    uint64_t total = 0;
    for (int32_t i = 0; b && i < b->shard_count; i++)
        total += b->shards[i].mapped ? b->shards[i].size : 0;
    return total;
}

#undef BUNDLE_CRC32C
