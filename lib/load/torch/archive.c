#include "load/torch/archive.h"

#include "base/allocator.h"
#include "base/checked.h"
#include "load/torch/legacy.h"
#include "load/torch/pickle.h"
#include "load/zip.h"

enum { ARCHIVE_VERSION_MAX = 10, ARCHIVE_DROP = 65536 };

/* A storage met before under its zip entry; the same bytes may be typed in two ways. */
typedef struct archive_known {
    xi_torch_storage storage;
    struct archive_known *next;
} archive_known;

/* The open archive and what only the reader needs. */
typedef struct archive_reader {
    xi_torch_archive archive; /* first: the caller holds its address */
    xi_zip zip;
    archive_known **known; /* per zip entry */
    const char *folder;    /* of the storages of the pickle that is being read */
} archive_reader;

static archive_reader *archive_reader_of(xi_torch_archive *a)
{
    return (archive_reader *)a;
}

static xinf_status archive_memory(const archive_reader *r, xinf_error *err)
{
    const xi_arena *arena = &r->archive.arena;
    if (arena->limit && arena->used > arena->limit / 2)
        return xi_fail(err, XINF_LIMIT, "the archive needs more memory than is allowed");
    return xi_fail(err, XINF_OUT_OF_MEMORY, "out of memory");
}

static bool archive_begins(xi_str s, const char *with)
{
    size_t len = strlen(with);
    return s.len >= len && memcmp(s.ptr, with, len) == 0;
}

static bool archive_ends(xi_str s, const char *with)
{
    size_t len = strlen(with);
    return s.len >= len && memcmp(s.ptr + s.len - len, with, len) == 0;
}

/* ---- entries by their names below the top folder ---- */

static xi_str archive_below(const archive_reader *r, xi_str name)
{
    size_t skip = r->archive.folder.len + 1;
    if (name.len < skip || memcmp(name.ptr, r->archive.folder.ptr, skip - 1) != 0 ||
        name.ptr[skip - 1] != '/')
        return (xi_str){NULL, 0};
    return (xi_str){name.ptr + skip, name.len - skip};
}

/* The top folder: that of the record which every such file has. */
static xinf_status archive_find_folder(archive_reader *r, xinf_error *err)
{
    static const char *const marks[] = {"/data.pkl", "/archive_format", "/models/model.json"};
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++)
        for (size_t i = 0; i < r->zip.count; i++) {
            xi_str name = r->zip.entries[i].name;
            size_t len = name.len - strlen(marks[m]);
            if (!archive_ends(name, marks[m]) || len == 0 || memchr(name.ptr, '/', len)) continue;
            r->archive.folder = (xi_str){name.ptr, len};
            return XINF_OK;
        }
    for (size_t i = 0; i < r->zip.count; i++)
        if (archive_ends(r->zip.entries[i].name, "model.json") ||
            xi_str_is(r->zip.entries[i].name, "serialized_exported_program.json"))
            return xi_fail(
                err, XINF_UNSUPPORTED,
                "this archive was written by a PyTorch before 1.4 or by torch.export before 2.7; "
                "load it there and save it again with a newer one");
    return xi_fail(err, XINF_MALFORMED, "this zip archive is no PyTorch file: it has no data.pkl");
}

static const xi_zip_entry *archive_entry(const archive_reader *r, const char *folder, xi_str name)
{
    char full[1024];
    size_t top = r->archive.folder.len, sub = strlen(folder), total = top + 1 + sub + name.len;
    if (total > sizeof full) return NULL;
    memcpy(full, r->archive.folder.ptr, top);
    full[top] = '/';
    memcpy(full + top + 1, folder, sub);
    if (name.len) memcpy(full + top + 1 + sub, name.ptr, name.len);
    return xi_zip_find(&r->zip, (xi_str){full, total});
}

static xinf_status archive_read(xi_str *out, const archive_reader *r, const char *name,
                                xinf_error *err)
{
    const xi_zip_entry *entry = archive_entry(r, name, (xi_str){NULL, 0});
    const uint8_t *data;
    *out = (xi_str){NULL, 0};
    if (!entry) return XINF_OK;
    xinf_status status = xi_zip_read(&data, &r->zip, entry, err);
    if (status == XINF_OK) *out = (xi_str){(const char *)data, entry->size};
    return status;
}

/* ---- storages ---- */

static xinf_status archive_add_storage(archive_known **out, archive_reader *r,
                                       const xi_zip_entry *entry, xi_str key, xi_torch_dtype dtype,
                                       int64_t count, xinf_error *err)
{
    int32_t size = xi_torch_dtype_size(dtype);
    const uint8_t *data;
    archive_known *k = xi_arena_alloc(&r->archive.arena, sizeof *k);
    if (!k) return archive_memory(r, err);
    if (count < 0 || (uint64_t)count > entry->size / (uint32_t)size)
        return xi_fail(
            err, XINF_MALFORMED,
            "storage \"%.*s\" is declared with %lld elements of %d bytes; its record has %zu bytes",
            XI_STR_ARG(key), (long long)count, size, entry->size);
    xinf_status status = xi_zip_read(&data, &r->zip, entry, err);
    if (status != XINF_OK) return status;
    k->storage = (xi_torch_storage){.key = key,
                                    .dtype = dtype,
                                    .data = data,
                                    .size = (size_t)count * (uint32_t)size,
                                    .count = count,
                                    .in_file = !entry->deflated};
    /* The checksum has touched every page: the system may have them back until somebody reads the
     * weights. */
    if (!entry->deflated && entry->size >= ARCHIVE_DROP)
        xi_file_drop(r->archive.file, (size_t)(data - r->archive.file->data), entry->size);
    *out = k;
    return XINF_OK;
}

static xinf_status archive_storage(const xi_torch_storage **out, void *self, xi_str key,
                                   xi_torch_dtype dtype, int64_t count, xinf_error *err)
{
    archive_reader *r = self;
    const xi_zip_entry *entry = archive_entry(r, r->folder, key);
    if (!entry)
        return xi_fail(err, XINF_MALFORMED, "the archive has no record for storage \"%.*s\"",
                       XI_STR_ARG(key));
    archive_known **slot = &r->known[entry - r->zip.entries], *k = *slot;
    while (k && k->storage.dtype != dtype) k = k->next;
    if (k && k->storage.count != count)
        return xi_fail(err, XINF_MALFORMED, "storage \"%.*s\" is declared with two sizes",
                       XI_STR_ARG(key));
    if (!k) {
        xinf_status status = archive_add_storage(&k, r, entry, key, dtype, count, err);
        if (status != XINF_OK) return status;
        k->next = *slot;
        *slot = k;
    }
    *out = &k->storage;
    return XINF_OK;
}

/* ---- pickles ---- */

static xinf_status archive_unpickle(const xi_torch_value **out, archive_reader *r,
                                    const char *record, const char *folder, xinf_error *err)
{
    xi_torch_archive *a = &r->archive;
    const xi_zip_entry *entry = archive_entry(r, record, (xi_str){NULL, 0});
    xi_pickle_options options = {.record = record,
                                 .foreign = a->content != XI_TORCH_PROGRAM,
                                 .storage = archive_storage,
                                 .self = r};
    const uint8_t *data;
    *out = NULL;
    if (!entry) return xi_fail(err, XINF_MALFORMED, "the archive has no record \"%s\"", record);
    xinf_status status = xi_zip_read(&data, &r->zip, entry, err);
    if (status != XINF_OK) return status;
    r->folder = folder;
    return xi_pickle_read(out, &a->foreign_class, &a->value_count, &a->arena, data, entry->size,
                          &options, err);
}

xinf_status xi_torch_archive_unpickle(const xi_torch_value **out, xi_torch_archive *a,
                                      const char *record, const char *folder, xinf_error *err)
{
    return archive_unpickle(out, archive_reader_of(a), record, folder, err);
}

/* ---- the small records ---- */

static xinf_status archive_read_version(archive_reader *r, xinf_error *err)
{
    xi_str text;
    int64_t version = 0;
    xinf_status status = archive_read(&text, r, "version", err);
    if (status == XINF_OK && !text.ptr) status = archive_read(&text, r, ".data/version", err);
    if (status != XINF_OK) return status;
    if (!text.ptr)
        return xi_fail(err, XINF_MALFORMED,
                       "the archive does not say which version of the format it has");
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    for (size_t i = 0; i < text.len; i++) {
        int digit = text.ptr[i] - '0';
        if (digit < 0 || digit > 9 || i > 8)
            return xi_fail(err, XINF_MALFORMED, "the archive's version is no number: \"%.*s\"",
                           XI_STR_ARG(text));
        version = version * 10 + digit;
    }
    if (text.len == 0) return xi_fail(err, XINF_MALFORMED, "the archive's version is empty");
    if (version > ARCHIVE_VERSION_MAX)
        return xi_fail(err, XINF_UNSUPPORTED,
                       "the archive has version %lld of the format; up to %d is read",
                       (long long)version, ARCHIVE_VERSION_MAX);
    r->archive.version = version;
    return XINF_OK;
}

static xinf_status archive_check_byte_order(const archive_reader *r, xinf_error *err)
{
    xi_str text;
    xinf_status status = archive_read(&text, r, "byteorder", err);
    if (status != XINF_OK || !text.ptr || xi_str_is(text, "little")) return status;
    return xi_fail(
        err, XINF_UNSUPPORTED,
        "the archive was written on a machine of byte order \"%.*s\"; little-endian ones are read",
        XI_STR_ARG(text));
}

/* "code/__torch__/a/b.py" → "__torch__.a.b" */
static xinf_status archive_add_source(xi_torch_source *out, archive_reader *r, xi_str name,
                                      xi_str text, xinf_error *err)
{
    size_t len = name.len - strlen("code/") - strlen(".py");
    char *module = xi_arena_strndup(&r->archive.arena, name.ptr + strlen("code/"), len);
    if (!module) return archive_memory(r, err);
    for (size_t i = 0; i < len; i++)
        if (module[i] == '/') module[i] = '.';
    *out = (xi_torch_source){.name = name, .module = {module, len}, .text = text};
    return XINF_OK;
}

static bool archive_is_source(xi_str name)
{
    return archive_begins(name, "code/") && archive_ends(name, ".py") &&
           name.len > strlen("code/.py");
}

/* Records that are storages, or of no use to anybody here. */
static bool archive_is_hidden(xi_str name, bool exported)
{
    if (archive_ends(name, ".debug_pkl") || archive_ends(name, "/")) return true;
    return !exported && (archive_begins(name, "data/") || archive_begins(name, "constants/") ||
                         archive_begins(name, "bytecode/"));
}

static xinf_status archive_read_records(archive_reader *r, xinf_error *err)
{
    xi_torch_archive *a = &r->archive;
    xi_torch_source *sources = xi_arena_array(&a->arena, r->zip.count, sizeof *sources);
    xi_torch_record *records = xi_arena_array(&a->arena, r->zip.count, sizeof *records);
    if (!sources || !records || r->zip.count > INT32_MAX) return archive_memory(r, err);
    for (size_t i = 0; i < r->zip.count; i++) {
        const xi_zip_entry *entry = &r->zip.entries[i];
        xi_str name = archive_below(r, entry->name);
        const uint8_t *data;
        if (!name.len || archive_is_hidden(name, a->content == XI_TORCH_EXPORTED)) continue;
        xinf_status status = xi_zip_read(&data, &r->zip, entry, err);
        if (status != XINF_OK) return status;
        if (archive_is_source(name)) {
            status = archive_add_source(&sources[a->source_count++], r, name,
                                        (xi_str){(const char *)data, entry->size}, err);
            if (status != XINF_OK) return status;
        } else {
            records[a->record_count++] = (xi_torch_record){
                .name = name, .data = data, .size = entry->size, .in_file = !entry->deflated};
        }
    }
    a->sources = sources;
    a->records = records;
    return XINF_OK;
}

static xi_torch_content archive_tell(const archive_reader *r)
{
    const xi_str none = {NULL, 0};
    if (!archive_entry(r, "data.pkl", none)) return XI_TORCH_EXPORTED;
    if (archive_entry(r, "constants.pkl", none)) return XI_TORCH_PROGRAM;
    for (size_t i = 0; i < r->zip.count; i++)
        if (archive_begins(archive_below(r, r->zip.entries[i].name), "code/"))
            return XI_TORCH_PROGRAM;
    return XI_TORCH_WEIGHTS;
}

static xinf_status archive_read_program(archive_reader *r, xinf_error *err)
{
    xi_torch_archive *a = &r->archive;
    const xi_torch_value *constants;
    if (a->source_count == 0)
        return xi_fail(err, XINF_MALFORMED, "the archive holds a module and no code for it");
    xinf_status status = archive_unpickle(&constants, r, "constants.pkl", "constants/", err);
    if (status != XINF_OK) return status;
    if (constants->kind != XI_TORCH_TUPLE && constants->kind != XI_TORCH_LIST)
        return xi_fail(err, XINF_MALFORMED, "constants.pkl holds a %s in place of a tuple",
                       xi_torch_kind_name(constants->kind));
    a->constants = (const xi_torch_value *const *)constants->seq.items;
    a->constant_count = constants->seq.count;
    if (a->root->kind != XI_TORCH_OBJECT)
        return xi_fail(err, XINF_MALFORMED, "data.pkl holds a %s in place of a module",
                       xi_torch_kind_name(a->root->kind));
    return XINF_OK;
}

static xinf_status archive_read_all(archive_reader *r, xinf_error *err)
{
    xi_torch_archive *a = &r->archive;
    xinf_status status;
    XI_TRY(xi_zip_open(&r->zip, &a->arena, a->file->data, a->file->size, err));
    XI_TRY(archive_find_folder(r, err));
    XI_TRY(archive_read_version(r, err));
    XI_TRY(archive_check_byte_order(r, err));
    r->known = xi_arena_array(&a->arena, r->zip.count, sizeof *r->known);
    if (!r->known) return archive_memory(r, err);
    a->content = archive_tell(r);
    XI_TRY(archive_read_records(r, err));
    if (a->content == XI_TORCH_EXPORTED) return XINF_OK;
    XI_TRY(archive_unpickle(&a->root, r, "data.pkl", "data/", err));
    if (a->content == XI_TORCH_PROGRAM) return archive_read_program(r, err);
    if (a->root->kind == XI_TORCH_OBJECT) {
        a->content = XI_TORCH_PICKLED_MODULE;
        a->foreign_class = a->root->object.class_name;
    }
cleanup:
    return status;
}

xinf_status xi_torch_archive_open(xi_torch_archive **out, const xinf_allocator *alloc,
                                  const xi_file *file, uint64_t limit, xinf_error *err)
{
    archive_reader *r;
    xinf_status status = xi_torch_legacy_refuse(file->data, file->size, err);
    *out = NULL;
    if (status != XINF_OK) return status;
    r = xi_calloc(alloc, 1, sizeof *r);
    if (!r) return xi_fail_memory(err, sizeof *r);
    if (!limit)
        limit = (64u << 20) +
                (file->size > SIZE_MAX / 32 ? SIZE_MAX / 2 : 16 * (uint64_t)file->size);
    r->archive.alloc = *alloc;
    r->archive.file = file;
    xi_arena_init(&r->archive.arena, alloc, limit > SIZE_MAX ? SIZE_MAX : (size_t)limit);
    status = archive_read_all(r, err);
    if (status == XINF_OK)
        *out = &r->archive;
    else
        xi_torch_archive_close(&r->archive);
    return status;
}

void xi_torch_archive_close(xi_torch_archive *a)
{
    if (!a) return;
    xinf_allocator alloc = a->alloc;
    xi_arena_reset(&a->arena);
    xi_free(&alloc, archive_reader_of(a), sizeof(archive_reader));
}

const xi_torch_source *xi_torch_archive_source(const xi_torch_archive *a, xi_str module)
{
    for (int32_t i = 0; i < a->source_count; i++)
        if (xi_str_eq(a->sources[i].module, module)) return &a->sources[i];
    return NULL;
}

const xi_torch_record *xi_torch_archive_record(const xi_torch_archive *a, xi_str name)
{
    int32_t low = 0, high = a->record_count;
    while (low < high) {
        int32_t mid = low + (high - low) / 2;
        const xi_str have = a->records[mid].name;
        int order = name.len ? memcmp(have.ptr, name.ptr, have.len < name.len ? have.len : name.len)
                             : 1;
        if (!order) order = (have.len > name.len) - (have.len < name.len);
        if (!order) return &a->records[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}
