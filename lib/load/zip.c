#include "load/zip.h"

#include <stdlib.h>

#include "base/checked.h"
#include "load/inflate.h"

enum {
    ZIP_LOCAL_SIZE = 30,
    ZIP_ENTRY_SIZE = 46,
    ZIP_END_SIZE = 22,
    ZIP_END64_SIZE = 56,
    ZIP_LOCATOR_SIZE = 20,
    ZIP_COMMENT_MAX = 65535,
    ZIP_STORED = 0,
    ZIP_DEFLATED = 8,
    /* No deflate stream unpacks to more than this many times its size. */
    ZIP_DEFLATE_MAX = 1032
};

/* Where the directory lies. */
typedef struct zip_directory {
    uint64_t offset, size, count;
    size_t end; /* first byte of the end record, zip64's when it has one */
} zip_directory;

/* One row of the directory, while its local header is looked at. */
typedef struct zip_row {
    xi_str name;
    uint64_t packed_size, size, offset;
    uint32_t crc, flags, method;
} zip_row;

static uint32_t zip_u16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t zip_u32(const uint8_t *p)
{
    return zip_u16(p) | zip_u16(p + 2) << 16;
}

static uint64_t zip_u64(const uint8_t *p)
{
    return zip_u32(p) | (uint64_t)zip_u32(p + 4) << 32;
}

static xinf_status zip_directory64(zip_directory *d, const uint8_t *data, size_t end,
                                   xinf_error *err)
{
    const uint8_t *locator = data + end - ZIP_LOCATOR_SIZE;
    if (end < ZIP_LOCATOR_SIZE || memcmp(locator, "PK\6\7", 4) != 0) return XINF_OK;
    uint64_t at = zip_u64(locator + 8);
    if (zip_u32(locator + 4) != 0 || zip_u32(locator + 16) > 1)
        return xi_fail(err, XINF_UNSUPPORTED, "the zip archive is one part of several");
    if (end < ZIP_LOCATOR_SIZE + ZIP_END64_SIZE || at > end - ZIP_LOCATOR_SIZE - ZIP_END64_SIZE ||
        memcmp(data + at, "PK\6\6", 4) != 0)
        return xi_fail(err, XINF_MALFORMED,
                       "the zip archive's zip64 end record is not where it should be");
    const uint8_t *p = data + at;
    if (zip_u32(p + 16) != 0 || zip_u32(p + 20) != 0)
        return xi_fail(err, XINF_UNSUPPORTED, "the zip archive is one part of several");
    if (zip_u64(p + 24) != zip_u64(p + 32))
        return xi_fail(err, XINF_MALFORMED, "the zip archive counts its entries in two ways");
    *d = (zip_directory){.offset = zip_u64(p + 48),
                         .size = zip_u64(p + 40),
                         .count = zip_u64(p + 32),
                         .end = (size_t)at};
    return XINF_OK;
}

static xinf_status zip_find_directory(zip_directory *d, const uint8_t *data, size_t size,
                                      xinf_error *err)
{
    xinf_status status;
    if (size < ZIP_END_SIZE)
        return xi_fail(err, XINF_MALFORMED, "the zip archive is cut short: it has no directory");
    size_t at = size - ZIP_END_SIZE, lowest = at > ZIP_COMMENT_MAX ? at - ZIP_COMMENT_MAX : 0;
    while (memcmp(data + at, "PK\5\6", 4) != 0 ||
           zip_u16(data + at + 20) != size - at - ZIP_END_SIZE) {
        if (at == lowest)
            return xi_fail(err, XINF_MALFORMED,
                           "the zip archive is cut short: it has no directory");
        at--;
    }
    const uint8_t *p = data + at;
    *d = (zip_directory){
        .offset = zip_u32(p + 16), .size = zip_u32(p + 12), .count = zip_u16(p + 10), .end = at};
    status = zip_directory64(d, data, at, err);
    if (status != XINF_OK) return status;
    if (d->end == at &&
        (zip_u16(p + 4) != 0 || zip_u16(p + 6) != 0 || zip_u16(p + 8) != zip_u16(p + 10)))
        return xi_fail(err, XINF_MALFORMED,
                       "the zip archive is one part of several, or its end record is damaged");
    if (d->offset > d->end || d->size > d->end - d->offset)
        return xi_fail(err, XINF_MALFORMED, "the zip archive's directory lies outside the file");
    if (d->count > d->size / ZIP_ENTRY_SIZE)
        return xi_fail(err, XINF_MALFORMED,
                       "the zip archive declares more entries than its directory has");
    return XINF_OK;
}

/* Replaces the sizes and the offset that stand as all ones by those of the zip64 field. */
static bool zip_extra64(zip_row *row, const uint8_t *p, size_t size)
{
    uint64_t *fields[3] = {&row->size, &row->packed_size, &row->offset};
    bool wanted = row->size == UINT32_MAX || row->packed_size == UINT32_MAX ||
                  row->offset == UINT32_MAX;
    while (wanted && size >= 4) {
        size_t length = zip_u16(p + 2);
        if (length > size - 4) return false;
        if (zip_u16(p) != 1) {
            p += 4 + length;
            size -= 4 + length;
            continue;
        }
        p += 4;
        for (int i = 0; i < 3; i++) {
            if (*fields[i] != UINT32_MAX) continue;
            if (length < 8) return false;
            *fields[i] = zip_u64(p);
            p += 8;
            length -= 8;
        }
        return true;
    }
    return !wanted;
}

/* A name that would stay inside the folder it is unpacked in. */
static bool zip_name_stays(xi_str name)
{
    size_t start = 0;
    if (name.len == 0 || name.ptr[0] == '/') return false;
    for (size_t i = 0; i <= name.len; i++) {
        char c = i < name.len ? name.ptr[i] : '/';
        if (c == '\\' || c == 0 || (c == ':' && i == 1)) return false;
        if (c != '/') continue;
        if (i - start == 2 && name.ptr[start] == '.' && name.ptr[start + 1] == '.') return false;
        start = i + 1;
    }
    return true;
}

static xinf_status zip_row_check(const zip_row *row, xinf_error *err)
{
    if (!zip_name_stays(row->name))
        return xi_fail(err, XINF_MALFORMED,
                       "the zip archive has an entry whose name leads out of it: \"%.*s\"",
                       XI_STR_ARG(row->name));
    if (row->flags & 0x2041)
        return xi_fail(err, XINF_UNSUPPORTED, "entry \"%.*s\" of the zip archive is encrypted",
                       XI_STR_ARG(row->name));
    if (row->method != ZIP_STORED && row->method != ZIP_DEFLATED)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "entry \"%.*s\" of the zip archive is packed by method %u; stored and "
                       "deflated are read",
                       XI_STR_ARG(row->name), row->method);
    if (row->method == ZIP_STORED && row->packed_size != row->size)
        return xi_fail(err, XINF_MALFORMED,
                       "entry \"%.*s\" of the zip archive: a stored entry of two sizes",
                       XI_STR_ARG(row->name));
    if (row->method == ZIP_DEFLATED && row->size / ZIP_DEFLATE_MAX > row->packed_size)
        return xi_fail(
            err, XINF_MALFORMED,
            "entry \"%.*s\" of the zip archive declares more than its bytes can unpack to",
            XI_STR_ARG(row->name));
    if (row->size > SIZE_MAX / 2)
        return xi_fail(err, XINF_LIMIT,
                       "entry \"%.*s\" of the zip archive is larger than the address space",
                       XI_STR_ARG(row->name));
    return XINF_OK;
}

/* The local header must say the same; a flag says that its sizes and checksum stand behind the
 * contents instead. */
static xinf_status zip_row_locate(xi_zip_entry *out, const zip_row *row, const uint8_t *data,
                                  const zip_directory *d, xinf_error *err)
{
    if (row->offset > d->offset || d->offset - row->offset < ZIP_LOCAL_SIZE)
        return xi_fail(err, XINF_MALFORMED,
                       "entry \"%.*s\" of the zip archive lies outside the file",
                       XI_STR_ARG(row->name));
    const uint8_t *p = data + row->offset;
    uint64_t room = d->offset - row->offset - ZIP_LOCAL_SIZE, name_size = zip_u16(p + 26),
             extra_size = zip_u16(p + 28);
    zip_row local = {
        .crc = zip_u32(p + 14), .packed_size = zip_u32(p + 18), .size = zip_u32(p + 22)};
    bool same = memcmp(p, "PK\3\4", 4) == 0 && name_size + extra_size <= room &&
                name_size == row->name.len &&
                memcmp(p + ZIP_LOCAL_SIZE, row->name.ptr, row->name.len) == 0 &&
                zip_u16(p + 8) == row->method;
    if (same && !(zip_u16(p + 6) & 8))
        same = zip_extra64(&local, p + ZIP_LOCAL_SIZE + name_size, extra_size) &&
               local.crc == row->crc && local.packed_size == row->packed_size &&
               local.size == row->size;
    if (!same)
        return xi_fail(err, XINF_MALFORMED,
                       "entry \"%.*s\" of the zip archive: directory and entry do not agree",
                       XI_STR_ARG(row->name));
    if (row->packed_size > room - name_size - extra_size)
        return xi_fail(err, XINF_MALFORMED,
                       "entry \"%.*s\" of the zip archive lies outside the file",
                       XI_STR_ARG(row->name));
    *out = (xi_zip_entry){.name = row->name,
                          .start = p,
                          .packed = p + ZIP_LOCAL_SIZE + name_size + extra_size,
                          .packed_size = (size_t)row->packed_size,
                          .size = (size_t)row->size,
                          .crc = row->crc,
                          .deflated = row->method == ZIP_DEFLATED};
    return XINF_OK;
}

static xinf_status zip_read_row(xi_zip_entry *out, const uint8_t **cursor, const uint8_t *data,
                                const zip_directory *d, xinf_error *err)
{
    const uint8_t *p = *cursor, *end = data + d->offset + d->size;
    if ((size_t)(end - p) < ZIP_ENTRY_SIZE || memcmp(p, "PK\1\2", 4) != 0)
        return xi_fail(err, XINF_MALFORMED, "the zip archive's directory is damaged");
    size_t name_size = zip_u16(p + 28), extra_size = zip_u16(p + 30),
           comment_size = zip_u16(p + 32);
    if ((size_t)(end - p) - ZIP_ENTRY_SIZE < name_size + extra_size + comment_size)
        return xi_fail(err, XINF_MALFORMED, "the zip archive's directory is damaged");
    zip_row row = {.name = {(const char *)p + ZIP_ENTRY_SIZE, name_size},
                   .flags = zip_u16(p + 8),
                   .method = zip_u16(p + 10),
                   .crc = zip_u32(p + 16),
                   .packed_size = zip_u32(p + 20),
                   .size = zip_u32(p + 24),
                   .offset = zip_u32(p + 42)};
    if (!zip_extra64(&row, p + ZIP_ENTRY_SIZE + name_size, extra_size))
        return xi_fail(err, XINF_MALFORMED,
                       "entry \"%.*s\" of the zip archive: damaged zip64 sizes",
                       XI_STR_ARG(row.name));
    *cursor = p + ZIP_ENTRY_SIZE + name_size + extra_size + comment_size;
    xinf_status status = zip_row_check(&row, err);
    return status == XINF_OK ? zip_row_locate(out, &row, data, d, err) : status;
}

static int zip_compare_names(const void *a, const void *b)
{
    const xi_str x = ((const xi_zip_entry *)a)->name, y = ((const xi_zip_entry *)b)->name;
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order ? order : (x.len > y.len) - (x.len < y.len);
}

static int zip_compare_places(const void *a, const void *b)
{
    const uint8_t *x = ((const xi_zip_entry *)a)->start, *y = ((const xi_zip_entry *)b)->start;
    return (x > y) - (x < y);
}

/* Two entries that share bytes are how small archives unpack to huge ones. */
static xinf_status zip_check_entries(xi_zip_entry *entries, size_t count, xinf_error *err)
{
    qsort(entries, count, sizeof *entries, zip_compare_places);
    for (size_t i = 1; i < count; i++)
        if (entries[i].start < entries[i - 1].packed + entries[i - 1].packed_size)
            return xi_fail(err, XINF_MALFORMED,
                           "entries \"%.*s\" and \"%.*s\" of the zip archive overlap",
                           XI_STR_ARG(entries[i - 1].name), XI_STR_ARG(entries[i].name));
    qsort(entries, count, sizeof *entries, zip_compare_names);
    for (size_t i = 1; i < count; i++)
        if (xi_str_eq(entries[i].name, entries[i - 1].name))
            return xi_fail(err, XINF_MALFORMED, "the zip archive has two entries \"%.*s\"",
                           XI_STR_ARG(entries[i].name));
    return XINF_OK;
}

static xinf_status zip_memory(const xi_arena *arena, size_t size, xinf_error *err)
{
    if (!arena->limit || size < arena->limit - arena->used) return xi_fail_memory(err, size);
    return xi_fail(err, XINF_LIMIT, "%zu bytes more than the memory that is allowed", size);
}

xinf_status xi_zip_open(xi_zip *out, xi_arena *arena, const uint8_t *data, size_t size,
                        xinf_error *err)
{
    xinf_status status;
    zip_directory d = {0};
    memset(out, 0, sizeof *out);
    status = zip_find_directory(&d, data, size, err);
    if (status != XINF_OK) return status;
    xi_crc *crc = xi_arena_alloc(arena, sizeof *crc);
    xi_zip_entry *entries = xi_arena_array(arena, (size_t)d.count, sizeof *entries);
    if (!crc || !entries) return zip_memory(arena, (size_t)d.count * sizeof *entries, err);
    xi_crc_init(crc, XI_CRC_ZIP);
    const uint8_t *cursor = data + d.offset;
    for (size_t i = 0; i < d.count; i++) {
        status = zip_read_row(&entries[i], &cursor, data, &d, err);
        if (status != XINF_OK) return status;
    }
    if (cursor != data + d.offset + d.size)
        return xi_fail(err, XINF_MALFORMED,
                       "the zip archive's directory is longer than its entries");
    status = zip_check_entries(entries, (size_t)d.count, err);
    if (status != XINF_OK) return status;
    *out = (xi_zip){.entries = entries, .count = (size_t)d.count, .crc = crc, .arena = arena};
    return XINF_OK;
}

const xi_zip_entry *xi_zip_find(const xi_zip *z, xi_str name)
{
    xi_zip_entry key = {.name = {name.ptr ? name.ptr : "", name.len}};
    return z->count ? bsearch(&key, z->entries, z->count, sizeof key, zip_compare_names) : NULL;
}

xinf_status xi_zip_read(const uint8_t **out, const xi_zip *z, const xi_zip_entry *entry,
                        xinf_error *err)
{
    const uint8_t *contents = entry->packed;
    const char *why = NULL;
    *out = NULL;
    if (entry->deflated) {
        uint8_t *copy = xi_arena_alloc(z->arena, entry->size);
        if (!copy) {
            xinf_status status = zip_memory(z->arena, entry->size, err);
            xi_error_prefix(err, "entry \"%.*s\" of the zip archive: ", XI_STR_ARG(entry->name));
            return status;
        }
        if (!xi_inflate(copy, entry->size, entry->packed, entry->packed_size, &why))
            return xi_fail(err, XINF_MALFORMED, "entry \"%.*s\" of the zip archive %s",
                           XI_STR_ARG(entry->name), why);
        contents = copy;
    }
    if (xi_crc_add(z->crc, 0, contents, entry->size) != entry->crc)
        return xi_fail(err, XINF_MALFORMED,
                       "entry \"%.*s\" of the zip archive is damaged: its checksum does not hold",
                       XI_STR_ARG(entry->name));
    *out = contents;
    return XINF_OK;
}
