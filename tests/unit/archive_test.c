/* archive_test.c — zip archives and pickles made here, good and bad, and what the PyTorch reader
 * makes of them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/allocator.h"
#include "load/inflate.h"
#include "load/torch/archive.h"
#include "load/zip.h"

static int archive_passed, archive_failed;

static void archive_check(bool ok, const char *what, const char *detail)
{
    archive_passed += ok;
    archive_failed += !ok;
    if (!ok) printf("FAILED %s: %s\n", what, detail);
}

/* ---- a writer of zip archives ---- */

enum { PACK_ROOM = 1 << 16, PACK_ENTRIES = 16 };

typedef struct pack {
    uint8_t data[PACK_ROOM];
    size_t size, count;
    struct {
        size_t offset, packed, full;
        uint32_t crc;
        uint16_t method;
        char name[64];
    } entries[PACK_ENTRIES];
    xi_crc crc;
} pack;

static void pack_number(pack *p, uint64_t v, int size)
{
    for (int i = 0; i < size; i++) p->data[p->size++] = i < 8 ? (uint8_t)(v >> 8 * i) : 0;
}

static void pack_bytes(pack *p, const void *data, size_t size)
{
    memcpy(p->data + p->size, data, size);
    p->size += size;
}

static void pack_header(pack *p, size_t i, bool central)
{
    pack_number(p, central ? 0x02014b50 : 0x04034b50, 4);
    if (central) pack_number(p, 20, 2);
    pack_number(p, 20, 2);
    pack_number(p, 0, 2);
    pack_number(p, p->entries[i].method, 2);
    pack_number(p, 0, 4);
    pack_number(p, p->entries[i].crc, 4);
    pack_number(p, p->entries[i].packed, 4);
    pack_number(p, p->entries[i].full, 4);
    pack_number(p, strlen(p->entries[i].name), 2);
    pack_number(p, 0, 2);
    if (central) pack_number(p, 0, 10);
    if (central) pack_number(p, p->entries[i].offset, 4);
    pack_bytes(p, p->entries[i].name, strlen(p->entries[i].name));
}

/* full: unpacked size of a deflated entry, whose contents are `plain`; NULL: stored. */
static void pack_add(pack *p, const char *name, const void *data, size_t size, const void *plain,
                     size_t full)
{
    size_t i = p->count++;
    if (i == 0) xi_crc_init(&p->crc, XI_CRC_ZIP);
    p->entries[i].offset = p->size;
    p->entries[i].packed = size;
    p->entries[i].full = plain ? full : size;
    p->entries[i].crc = xi_crc_add(&p->crc, 0, plain ? plain : data, plain ? full : size);
    p->entries[i].method = plain ? 8 : 0;
    snprintf(p->entries[i].name, sizeof p->entries[i].name, "%s", name);
    pack_header(p, i, false);
    pack_bytes(p, data, size);
}

static void pack_text(pack *p, const char *name, const char *text)
{
    pack_add(p, name, text, strlen(text), NULL, 0);
}

/* The directory and the end record; zip64 writes that pair of records too and puts nothing useful
 * into the short one. */
static void pack_end(pack *p, bool zip64)
{
    size_t start = p->size, size;
    for (size_t i = 0; i < p->count; i++) pack_header(p, i, true);
    size = p->size - start;
    size_t end64 = p->size;
    if (zip64) {
        pack_number(p, 0x06064b50, 4);
        pack_number(p, 44, 8);
        pack_number(p, 45, 2);
        pack_number(p, 45, 2);
        pack_number(p, 0, 8);
        pack_number(p, p->count, 8);
        pack_number(p, p->count, 8);
        pack_number(p, size, 8);
        pack_number(p, start, 8);
        pack_number(p, 0x07064b50, 4);
        pack_number(p, 0, 4);
        pack_number(p, end64, 8);
        pack_number(p, 1, 4);
    }
    pack_number(p, 0x06054b50, 4);
    pack_number(p, 0, 4);
    pack_number(p, zip64 ? 0xffff : p->count, 2);
    pack_number(p, zip64 ? 0xffff : p->count, 2);
    pack_number(p, zip64 ? 0xffffffff : size, 4);
    pack_number(p, zip64 ? 0xffffffff : start, 4);
    pack_number(p, 0, 2);
}

/* ---- inflate ---- */

/* "the quick brown fox the quick brown fox jumps jumps jumps" by fixed codes; and 300 bytes i*i %
 * 31 by codes of their own. */
static const uint8_t inflate_fixed_stream[] = {
    0x2b, 0xc9, 0x48, 0x55, 0x28, 0x2c, 0xcd, 0x4c, 0xce, 0x56, 0x48, 0x2a, 0xca, 0x2f, 0xcf, 0x53,
    0x48, 0xcb, 0xaf, 0x50, 0x28, 0xc1, 0x22, 0x96, 0x55, 0x9a, 0x5b, 0x50, 0x8c, 0x4c, 0x02, 0x00,
};
static const uint8_t inflate_dynamic_stream[] = {
    0x05, 0xc1, 0xcb, 0x0a, 0x00, 0x40, 0x04, 0x00, 0xc0, 0x25, 0xf2, 0x38, 0x48, 0xb8, 0x28, 0xff,
    0xff, 0x9d, 0x3b, 0xf3, 0x80, 0x2c, 0x97, 0x0b, 0x5b, 0x6e, 0xc2, 0x55, 0x3d, 0xe6, 0xa4, 0xb1,
    0x78, 0xd3, 0x08, 0x1e, 0x90, 0xe5, 0x72, 0x61, 0xcb, 0x4d, 0xb8, 0xaa, 0xc7, 0x9c, 0x34, 0x16,
    0x6f, 0x1a, 0xc1, 0x03, 0xb2, 0x5c, 0x2e, 0x6c, 0xb9, 0x09, 0x57, 0xf5, 0x98, 0x93, 0xc6, 0xe2,
    0x4d, 0x23, 0x78, 0x40, 0x96, 0xcb, 0x85, 0x2d, 0x37, 0xe1, 0xaa, 0x1e, 0x73, 0xd2, 0x58, 0xbc,
    0x69, 0x04, 0x0f, 0xc8, 0x72, 0xb9, 0xb0, 0xe5, 0x26, 0x5c, 0xd5, 0x63, 0x4e, 0x1a, 0x8b, 0x37,
    0x8d, 0xe0, 0x01, 0x59, 0x2e, 0x17, 0xb6, 0xdc, 0x84, 0xab, 0x7a, 0xcc, 0x49, 0x63, 0xf1, 0xa6,
    0x11, 0x3c, 0x20, 0xcb, 0xe5, 0xc2, 0x96, 0x9b, 0x70, 0x55, 0x8f, 0x39, 0x69, 0x2c, 0xde, 0x34,
    0x82, 0x07, 0x64, 0xb9, 0x5c, 0xd8, 0x72, 0x13, 0xae, 0xea, 0x31, 0x27, 0x8d, 0xc5, 0x9b, 0x46,
    0xf0, 0x80, 0x2c, 0x97, 0x0b, 0x5b, 0x6e, 0xc2, 0x55, 0x3d, 0xe6, 0xa4, 0xb1, 0x78, 0xd3, 0x08,
    0x1e, 0x90, 0xe5, 0x72, 0x61, 0xcb, 0x4d, 0xb8, 0xaa, 0xc7, 0xdc, 0x07,
};
static const char inflate_text[] = "the quick brown fox the quick brown fox jumps jumps jumps";

static void inflate_plain(uint8_t *out)
{
    for (int i = 0; i < 300; i++) out[i] = (uint8_t)(i * i % 31);
}

static void test_inflate(void)
{
    uint8_t out[512], want[300];
    const char *why = NULL;
    bool ok = xi_inflate(out, sizeof inflate_text - 1, inflate_fixed_stream,
                         sizeof inflate_fixed_stream, &why);
    archive_check(ok && memcmp(out, inflate_text, sizeof inflate_text - 1) == 0, "fixed codes",
                  why ? why : "other bytes");
    inflate_plain(want);
    ok = xi_inflate(out, sizeof want, inflate_dynamic_stream, sizeof inflate_dynamic_stream, &why);
    archive_check(ok && memcmp(out, want, sizeof want) == 0, "dynamic codes",
                  why ? why : "other bytes");
    ok = xi_inflate(out, sizeof want - 1, inflate_dynamic_stream, sizeof inflate_dynamic_stream,
                    &why);
    archive_check(!ok && strcmp(why, "is longer than declared") == 0, "longer than declared",
                  why ? why : "");
    ok = xi_inflate(out, sizeof want + 1, inflate_dynamic_stream, sizeof inflate_dynamic_stream,
                    &why);
    archive_check(!ok && strcmp(why, "is shorter than declared") == 0, "shorter than declared",
                  why ? why : "");
    for (size_t cut = 0; cut < sizeof inflate_dynamic_stream; cut++)
        archive_check(!xi_inflate(out, sizeof want, inflate_dynamic_stream, cut, &why) && why,
                      "a cut stream", "accepted");
    /* Any single bit flipped: either an error, or 300 bytes; never a byte outside. */
    for (size_t bit = 0; bit < 8 * sizeof inflate_dynamic_stream; bit++) {
        uint8_t copy[sizeof inflate_dynamic_stream];
        memcpy(copy, inflate_dynamic_stream, sizeof copy);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        memset(out, 0xee, sizeof out);
        ok = xi_inflate(out, sizeof want, copy, sizeof copy, &why);
        archive_check((ok || why) && out[sizeof want] == 0xee, "a flipped bit", "wrote outside");
    }
}

/* ---- opening ---- */

static const char archive_code[] =
    "class M(Module):\n  def forward(self: __torch__.M, x: Tensor) -> Tensor:\n    return x\n";

typedef struct opened {
    xi_file file;
    xi_torch_archive *archive;
    xinf_error err;
    xinf_status status;
} opened;

static void opened_make(opened *o, const void *data, size_t size, uint64_t limit)
{
    xinf_allocator alloc = xi_allocator_default();
    memset(o, 0, sizeof *o);
    o->err = (xinf_error)XINF_ERROR_INIT;
    xi_file_borrow(&o->file, data, size);
    o->status = xi_torch_archive_open(&o->archive, &alloc, &o->file, limit, &o->err);
}

static void opened_end(opened *o)
{
    xi_torch_archive_close(o->archive);
    xi_file_close(&o->file);
}

/* An archive of one module whose state is what `pickle` says, with storage "0" of six floats. */
static void archive_pack(pack *p, const char *pickle, size_t size, bool program)
{
    static const float storage[6] = {0, 1, 2, 3, 4, 5};
    memset(p, 0, sizeof *p);
    pack_text(p, "m/version", "3\n");
    pack_add(p, "m/data.pkl", pickle, size, NULL, 0);
    pack_add(p, "m/data/0", storage, sizeof storage, NULL, 0);
    if (program) pack_text(p, "m/code/__torch__.py", archive_code);
    if (program) pack_add(p, "m/constants.pkl", "\x80\x02).", 4, NULL, 0);
    pack_text(p, "m/extra/note.txt", "hello");
    pack_end(p, false);
}

#define STORAGE_0                                       \
    "((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" \
    "0X\3\0\0\0cpuK\6tQ"
#define TENSOR_OF(offset, shape, strides)                                       \
    "ctorch._utils\n_rebuild_tensor_v2\n" STORAGE_0 offset shape strides "\x89" \
    "ccollections\nOrderedDict\n)RtR"
#define MODULE_OF(state) "\x80\2c__torch__\nM\n)\x81" state "b."
#define GOOD_TENSOR TENSOR_OF("K\0", "K\2K\3\x86", "K\3K\1\x86")

/* Pickles are string literals with NUL bytes in them: their size is that of the literal. */
#define TRY_GOOD(what, pickle) test_try(what, pickle, sizeof(pickle) - 1, true, XINF_OK, "")
#define TRY_BAD(what, pickle, status, says) \
    test_try(what, pickle, sizeof(pickle) - 1, true, status, says)
#define TRY_WEIGHTS(what, pickle, status, says) \
    test_try(what, pickle, sizeof(pickle) - 1, false, status, says)

static void test_try(const char *what, const char *pickle, size_t size, bool program,
                     xinf_status want, const char *says)
{
    pack *p = malloc(sizeof *p);
    opened o;
    archive_pack(p, pickle, size, program);
    opened_make(&o, p->data, p->size, 0);
    archive_check(o.status == want && strstr(o.err.message, says), what,
                  o.status ? o.err.message : "accepted");
    opened_end(&o);
    free(p);
}

static void test_values(void)
{
    static const char pickle[] = MODULE_OF("}(X\1\0\0\0w" GOOD_TENSOR "q\1X\1\0\0\0vh\1X\1\0\0\0f"
                                           "G?\xf8\0\0\0\0\0\0X\1\0\0\0iJ\xfe\xff\xff\xff"
                                           "X\1\0\0\0l\x8a\x08\0\0\0\0\0\0\0\x80X\1\0\0\0s"
                                           "ctorch.jit._pickle\nbuild_intlist\n](K\1K\2K\3e\x85R"
                                           "X\1\0\0\0nNX\1\0\0\0t\x88u");
    pack *p = malloc(sizeof *p);
    opened o;
    archive_pack(p, pickle, sizeof pickle - 1, true);
    opened_make(&o, p->data, p->size, 0);
    archive_check(o.status == XINF_OK, "a module", o.err.message);
    if (o.status == XINF_OK) {
        const xi_torch_archive *a = o.archive;
        const xi_torch_value *w = xi_torch_value_get(a->root, "w"),
                             *s = xi_torch_value_get(a->root, "s");
        const xi_torch_named_tensor *tensors;
        int32_t count = 0;
        float element;
        archive_check(a->content == XI_TORCH_PROGRAM && a->version == 3 && a->source_count == 1,
                      "what it is", "other");
        archive_check(xi_str_is(a->root->object.class_name, "__torch__.M") &&
                          xi_torch_archive_source(a, XI_STR("__torch__")),
                      "class", "none");
        archive_check(w && w->kind == XI_TORCH_TENSOR && w->tensor->rank == 2 &&
                          w->tensor->contiguous && w->tensor->count == 6,
                      "tensor", "other");
        archive_check(w == xi_torch_value_get(a->root, "v"), "identity", "two values");
        memcpy(&element, w->tensor->data + 20, 4);
        archive_check(element == 5 && w->tensor->storage->in_file, "contents", "other");
        archive_check(xi_torch_value_get(a->root, "f")->d == 1.5 &&
                          xi_torch_value_get(a->root, "i")->i == -2,
                      "numbers", "other");
        archive_check(xi_torch_value_get(a->root, "l")->i == INT64_MIN, "the smallest integer",
                      "other");
        archive_check(s && s->kind == XI_TORCH_LIST && s->seq.count == 3 &&
                          xi_str_is(s->type, "List[int]"),
                      "typed list", "other");
        archive_check(!xi_torch_value_get(a->root, "zz") && xi_torch_value_get(a->root, "t")->b,
                      "attributes", "other");
        archive_check(xi_torch_archive_record(a, XI_STR("extra/note.txt")) != NULL, "extra file",
                      "none");
        xi_torch_archive_tensors(&tensors, &count, o.archive, NULL);
        archive_check(count == 2 && xi_str_is(tensors[0].name, "w") &&
                          xi_str_is(tensors[1].name, "v"),
                      "tensors by name", "other");
    }
    opened_end(&o);
    free(p);
}

static void test_pickles(void)
{
    TRY_GOOD("a strided view",
             MODULE_OF("}X\1\0\0\0w" TENSOR_OF("K\1", "K\2K\2\x86", "K\1K\2\x86") "s"));
    TRY_GOOD("an empty tensor",
             MODULE_OF("}X\1\0\0\0w" TENSOR_OF("K\0", "K\0K\3\x86", "K\3K\1\x86") "s"));
    TRY_GOOD("a scalar", MODULE_OF("}X\1\0\0\0w" TENSOR_OF("K\5", ")", ")") "s"));
    TRY_GOOD("an ordered dict of pairs",
             MODULE_OF("}X\1\0\0\0d"
                       "ccollections\nOrderedDict\n](K\1K\2\x86K\3K\4\x86\x65\x85Rs"));
    TRY_GOOD("an enumeration", MODULE_OF("}X\1\0\0\0e"
                                         "c__torch__\nColour\nK\1\x85Rs"));
    TRY_GOOD("protocol 4 names", "\x80\4\x8c\x09__torch__\x8c\1M\x93)\x81}\x94"
                                 "b.");
    TRY_BAD("an offset past the end",
            MODULE_OF("}X\1\0\0\0w" TENSOR_OF("K\1", "K\2K\3\x86", "K\3K\1\x86") "s"),
            XINF_MALFORMED, "reaches element 6");
    TRY_BAD("a negative dimension",
            MODULE_OF("}X\1\0\0\0w" TENSOR_OF("K\0", "J\xff\xff\xff\xffK\3\x86", "K\3K\1\x86") "s"),
            XINF_MALFORMED, "impossible");
    TRY_BAD("a foreign function",
            MODULE_OF("}X\1\0\0\0w"
                      "cos\nsystem\nX\2\0\0\0ls\x85Rs"),
            XINF_UNSUPPORTED, "os.system");
    TRY_BAD("a foreign class",
            MODULE_OF("}X\1\0\0\0w"
                      "cargparse\nNamespace\n)\x81s"),
            XINF_UNSUPPORTED, "argparse.Namespace");
    TRY_BAD("a sparse tensor",
            MODULE_OF("}X\1\0\0\0w"
                      "ctorch._utils\n_rebuild_sparse_tensor\n)Rs"),
            XINF_UNSUPPORTED, "_rebuild_sparse_tensor");
    TRY_BAD("a class as a value",
            MODULE_OF("}X\1\0\0\0w"
                      "c__torch__\nM\ns"),
            XINF_MALFORMED, "in place of a value");
    TRY_BAD("a list in itself", MODULE_OF("}X\1\0\0\0w]q\1h\1as"), XINF_MALFORMED,
            "contains itself");
    TRY_BAD("an object in its own state", MODULE_OF("q\1}X\1\0\0\0wh\1s"), XINF_MALFORMED,
            "contains itself");
    TRY_BAD("an extension code", "\x80\2\x82\1.", XINF_UNSUPPORTED, "0x82");
    TRY_BAD("INST", "\x80\2(ios\nsystem\n.", XINF_UNSUPPORTED, "0x69");
    TRY_BAD("protocol 6", "\x80\6N.", XINF_UNSUPPORTED, "protocol 6");
    TRY_BAD("no module", "\x80\2K\1.", XINF_MALFORMED, "int in place of a module");
    TRY_BAD("a call of a value", "\x80\2K\1)R.", XINF_MALFORMED, "no function");
    TRY_BAD("a storage of an unknown class",
            MODULE_OF("}X\1\0\0\0w(X\7\0\0\0storagec__torch__\nS\nX\1\0\0\0"
                      "0X\3\0\0\0cpuK\6tQs"),
            XINF_UNSUPPORTED, "__torch__.S");
    TRY_WEIGHTS("a state dict", "\x80\2}X\1\0\0\0w" GOOD_TENSOR "s.", XINF_OK, "");
    TRY_WEIGHTS("a pickled module",
                "\x80\2ctorch.nn.modules.linear\nLinear\n)\x81}X\1\0\0\0w" GOOD_TENSOR "sb.",
                XINF_OK, "");
}

/* What weights without a program are told. */
static void test_weights(void)
{
    static const char module[] = "\x80\2ctorch.nn.modules.linear\nLinear\n)\x81}X\x0b\0\0\0_"
                                 "parameters}X\6\0\0\0weight" GOOD_TENSOR "ssb.";
    pack *p = malloc(sizeof *p);
    opened o;
    const xi_torch_named_tensor *tensors;
    int32_t count = 0;
    archive_pack(p, module, sizeof module - 1, false);
    opened_make(&o, p->data, p->size, 0);
    archive_check(o.status == XINF_OK && o.archive->content == XI_TORCH_PICKLED_MODULE,
                  "a pickled module", o.err.message);
    if (o.status == XINF_OK) {
        archive_check(xi_torch_archive_tensors(&tensors, &count, o.archive, NULL) == XINF_OK &&
                          count == 1 && xi_str_is(tensors[0].name, "weight"),
                      "its tensors", "other");
        archive_check(xi_torch_archive_refuse_weights(o.archive, &o.err) == XINF_UNSUPPORTED &&
                          strstr(o.err.message, "torch.nn.modules.linear.Linear") &&
                          strstr(o.err.message, "torch.jit.trace"),
                      "the advice", o.err.message);
    }
    opened_end(&o);
    opened_make(&o,
                "\x80\2\x8a\x0al\xfc\x9c"
                "F\xf9 j\xa8P\x19.\x80\2M\xe9\3.",
                21, 0);
    archive_check(o.status == XINF_UNSUPPORTED && strstr(o.err.message, "torch.jit.trace"),
                  "a file before 1.6", o.err.message);
    opened_end(&o);
    free(p);
}

/* ---- zip archives ---- */

static void test_zip_one(const char *what, pack *p, xinf_status want, const char *says)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    const uint8_t *data;
    xi_arena arena;
    xi_zip z;
    xi_arena_init(&arena, &alloc, 1 << 20);
    xinf_status status = xi_zip_open(&z, &arena, p->data, p->size, &err);
    for (size_t i = 0; status == XINF_OK && i < z.count; i++)
        status = xi_zip_read(&data, &z, &z.entries[i], &err);
    archive_check(status == want && strstr(err.message, says), what,
                  status ? err.message : "accepted");
    xi_arena_reset(&arena);
}

static pack *zip_pack(const char *first, const char *second)
{
    pack *p = calloc(1, sizeof *p);
    pack_text(p, first, "one");
    pack_text(p, second, "two");
    return p;
}

static void test_zip(void)
{
    uint8_t plain[300];
    inflate_plain(plain);
    pack *p = zip_pack("a", "b/c");
    pack_add(p, "d", inflate_dynamic_stream, sizeof inflate_dynamic_stream, plain, sizeof plain);
    pack_end(p, false);
    test_zip_one("stored and deflated", p, XINF_OK, "");
    p->size--;
    test_zip_one("one byte short", p, XINF_MALFORMED, "cut short");
    free(p);
    p = zip_pack("a", "b");
    pack_end(p, true);
    test_zip_one("zip64", p, XINF_OK, "");
    free(p);
    p = zip_pack("a", "a");
    pack_end(p, false);
    test_zip_one("one name twice", p, XINF_MALFORMED, "two entries \"a\"");
    free(p);
    const char *const names[] = {"../a", "a/../b", "/a", "a/..", "c:/a", "a\\b"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        p = zip_pack("x", names[i]);
        pack_end(p, false);
        test_zip_one(names[i], p, XINF_MALFORMED, "leads out of it");
        free(p);
    }
    p = zip_pack("a", "b");
    p->entries[1].crc ^= 1;
    pack_end(p, false);
    test_zip_one("two checksums", p, XINF_MALFORMED, "do not agree");
    free(p);
    p = zip_pack("a", "b");
    p->data[31] ^= 1;
    pack_end(p, false);
    test_zip_one("a damaged entry", p, XINF_MALFORMED, "checksum");
    free(p);
    p = zip_pack("a", "b");
    p->entries[0].packed = p->entries[0].full = 30;
    p->data[18] = p->data[22] = 30;
    pack_end(p, false);
    test_zip_one("overlap", p, XINF_MALFORMED, "overlap");
    free(p);
    p = zip_pack("a", "b");
    p->entries[0].method = 8;
    p->data[8] = 8;
    p->entries[0].full = 100000;
    p->data[22] = (uint8_t)(100000 & 255), p->data[23] = (uint8_t)(100000 >> 8 & 255),
    p->data[24] = 100000 >> 16;
    pack_end(p, false);
    test_zip_one("a bomb", p, XINF_MALFORMED, "more than its bytes can unpack to");
    free(p);
}

/* ---- an allocator that fails once ---- */

static void *archive_failing(void *self, void *ptr, size_t old_size, size_t new_size,
                             size_t alignment)
{
    long *left = self;
    xinf_allocator base = xi_allocator_default();
    if (new_size && (*left)-- == 0) return NULL;
    return base.fn(base.self, ptr, old_size, new_size, alignment);
}

static void test_allocations(void)
{
    static const char pickle[] = MODULE_OF("}(X\1\0\0\0w" GOOD_TENSOR "X\1\0\0\0s"
                                           "](K\1K\2K\3eu");
    pack *p = malloc(sizeof *p);
    xinf_status status = XINF_OUT_OF_MEMORY;
    long fail_at = 0;
    archive_pack(p, pickle, sizeof pickle - 1, true);
    for (; status != XINF_OK && fail_at < 1000; fail_at++) {
        long left = fail_at;
        xinf_allocator alloc = {&left, archive_failing};
        xinf_error err = XINF_ERROR_INIT;
        xi_torch_archive *a = NULL;
        xi_file file;
        xi_file_borrow(&file, p->data, p->size);
        status = xi_torch_archive_open(&a, &alloc, &file, 0, &err);
        archive_check((status == XINF_OK) == (a != NULL) &&
                          (status == XINF_OK || (status == XINF_OUT_OF_MEMORY && err.message[0])),
                      "a failed allocation", err.message);
        xi_torch_archive_close(a);
    }
    archive_check(fail_at > 3, "allocations", "too few to have tested anything");
    free(p);
}

int main(void)
{
    test_inflate();
    test_zip();
    test_values();
    test_pickles();
    test_weights();
    test_allocations();
    printf("%d passed, %d failed, 0 skipped\n", archive_passed, archive_failed);
    return archive_failed != 0;
}
