/* base_test.c — lib/base against its headers: sizes, memory, text, errors, files, processor. The
 * pool is in base_pool.c. */
#include "base_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/allocator.h"
#include "base/arena.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/string.h"
#include "base/thread.h"

int base_passed, base_failed;

void base_check(bool ok, const char *what, const char *file, int line)
{
    if (ok) {
        base_passed++;
        return;
    }
    base_failed++;
    printf("%s:%d: failed: %s\n", file, line, what);
}

/* An allocator that counts what is out and fails at a chosen call. */
typedef struct counted {
    size_t out, calls, fail_at; /* fail_at 0: never */
    bool wrong_size;
} counted;

static void *counted_fn(void *self, void *ptr, size_t old_size, size_t new_size, size_t alignment)
{
    counted *c = self;
    xinf_allocator libc = xi_allocator_default();
    void *moved;
    if (new_size && ++c->calls == c->fail_at) return NULL;
    if (old_size > c->out) c->wrong_size = true;
    moved = libc.fn(libc.self, ptr, old_size, new_size, alignment);
    if (new_size && !moved) return NULL;
    c->out = c->out - old_size + new_size;
    return moved;
}

static xinf_allocator counted_allocator(counted *c)
{
    memset(c, 0, sizeof *c);
    return (xinf_allocator){c, counted_fn};
}

static void test_checked(void)
{
    size_t n = 7;
    int64_t i = 7;
    CHECK(xi_add_size(2, 3, &n) && n == 5);
    CHECK(!xi_add_size(SIZE_MAX, 1, &n) && n == 5);
    CHECK(xi_mul_size(1 << 10, 1 << 10, &n) && n == 1 << 20);
    CHECK(!xi_mul_size(SIZE_MAX / 2 + 1, 2, &n) && n == 1 << 20);
    CHECK(xi_add_i64(-2, 5, &i) && i == 3);
    CHECK(!xi_add_i64(INT64_MAX, 1, &i) && !xi_add_i64(INT64_MIN, -1, &i) && i == 3);
    CHECK(xi_mul_i64(-4, 5, &i) && i == -20);
    CHECK(!xi_mul_i64(INT64_MIN, -1, &i) && i == -20);
    CHECK(xi_align_size(1, 64, &n) && n == 64);
    CHECK(xi_align_size(64, 64, &n) && n == 64);
    CHECK(xi_align_size(0, 64, &n) && n == 0);
    CHECK(!xi_align_size(SIZE_MAX - 3, 64, &n) && n == 0);
}

static void test_allocator(void)
{
    counted c;
    xinf_allocator a = counted_allocator(&c), libc = xi_allocator_default(), none = {NULL, NULL};
    unsigned char *p = xi_alloc(&a, 100), *q;
    void *items = NULL;
    size_t capacity = 0;
    CHECK(p && (uintptr_t)p % XI_ALIGN == 0 && c.out == 100);
    memset(p, 0x5a, 100);
    q = xi_realloc(&a, p, 100, 5000);
    CHECK(q && (uintptr_t)q % XI_ALIGN == 0 && q[0] == 0x5a && q[99] == 0x5a && c.out == 5000);
    c.fail_at = c.calls + 1;
    CHECK(!xi_realloc(&a, q, 5000, 6000) && q[99] == 0x5a);
    p = xi_realloc(&a, q, 5000, 10);
    CHECK(p && p[9] == 0x5a && c.out == 10);
    CHECK(!xi_realloc(&a, p, 10, 0) && c.out == 0);
    CHECK(!xi_alloc(&a, 0) && !xi_calloc(&a, 0, 8) && !xi_calloc(&a, SIZE_MAX / 2, 3));
    CHECK(!xi_alloc(&libc, SIZE_MAX - 10));
    p = xi_calloc(&a, 33, 7);
    CHECK(p && p[0] == 0 && p[230] == 0 && c.out == 231);
    xi_free(&a, p, 231);
    xi_free(&a, NULL, 5);
    CHECK(c.out == 0);
    CHECK(xi_grow(&a, &items, &capacity, 3, 4) && capacity == 8);
    ((int *)items)[7] = 42;
    CHECK(xi_grow(&a, &items, &capacity, 8, 4) && capacity == 8);
    CHECK(xi_grow(&a, &items, &capacity, 9, 4) && capacity == 16 && ((int *)items)[7] == 42);
    CHECK(xi_grow(&a, &items, &capacity, 1000, 4) && capacity == 1024);
    CHECK(!xi_grow(&a, &items, &capacity, SIZE_MAX / 2, 4) && capacity == 1024);
    c.fail_at = c.calls + 1;
    CHECK(!xi_grow(&a, &items, &capacity, 2000, 4) && capacity == 1024 && ((int *)items)[7] == 42);
    xi_free(&a, items, capacity * 4);
    CHECK(c.out == 0 && !c.wrong_size);
    p = xi_alloc(&none, 10); /* a zeroed struct stands for the C library */
    CHECK(p != NULL);
    xi_free(&none, p, 10);
    for (size_t alignment = 1; alignment <= 64; alignment *= 2) {
        void *x = libc.fn(libc.self, NULL, 0, 5, alignment);
        CHECK(x && (uintptr_t)x % alignment == 0);
        libc.fn(libc.self, x, 5, 0, alignment);
    }
}

static void test_arena(void)
{
    counted c;
    xinf_allocator a = counted_allocator(&c);
    xi_arena arena;
    unsigned char *last = NULL;
    char *copy;
    bool good = true, refused = false;
    xi_arena_init(&arena, &a, 0);
    CHECK(c.calls == 0);
    for (size_t i = 0; i < 3000; i++) {
        unsigned char *p = xi_arena_alloc(&arena, i % 300);
        if (!p || (uintptr_t)p % 16 || p == last) good = false;
        for (size_t k = 0; p && k < i % 300; k++)
            if (p[k]) good = false;
        if (p) memset(p, 0xff, i % 300);
        last = p;
    }
    CHECK(good);
    CHECK(c.calls < 40 && arena.used >= 3000 * 149 && c.out < 2 * arena.used);
    CHECK(xi_arena_alloc(&arena, 1 << 20));
    CHECK(!xi_arena_array(&arena, SIZE_MAX / 4, 5) && !xi_arena_alloc(&arena, SIZE_MAX));
    CHECK(xi_arena_array(&arena, 10, 5));
    copy = xi_arena_strndup(&arena, "abcdef", 3);
    CHECK(copy && strcmp(copy, "abc") == 0);
    copy = xi_arena_strndup(&arena, NULL, 0);
    CHECK(copy && *copy == 0);
    xi_arena_reset(&arena);
    CHECK(c.out == 0 && arena.used == 0 && !c.wrong_size);
    c.fail_at = c.calls + 1;
    CHECK(!xi_arena_alloc(&arena, 8));
    CHECK(xi_arena_alloc(&arena, 8));
    xi_arena_reset(&arena);

    xi_arena_init(&arena, &a, 1000);
    for (int i = 0; i < 100 && !refused; i++) refused = !xi_arena_alloc(&arena, 100);
    CHECK(refused && arena.used <= 1000 && arena.used >= 800);
    CHECK(!xi_arena_alloc(&arena, 2000));
    CHECK(xi_arena_alloc(&arena, 16));
    xi_arena_reset(&arena);
    CHECK(xi_arena_alloc(&arena, 900));
    xi_arena_reset(&arena);
    CHECK(c.out == 0);
}

static void test_error(void)
{
    xinf_error err = XINF_ERROR_INIT;
    struct {
        xinf_error err;
        char guard[16];
    } box;
    char longer[2000];
    CHECK(xi_fail(NULL, XINF_IO, "x") == XINF_IO);
    CHECK(xi_fail(&err, XINF_LIMIT, "a %d %s", 7, "b") == XINF_LIMIT);
    CHECK(err.status == XINF_LIMIT && strcmp(err.message, "a 7 b") == 0);
    xi_error_prefix(&err, "node \"%s\": ", "n1");
    CHECK(strcmp(err.message, "node \"n1\": a 7 b") == 0);
    xi_fail(&err, XINF_IO, "again: %s", err.message); /* from itself */
    CHECK(strcmp(err.message, "again: node \"n1\": a 7 b") == 0);
    xi_fail(&err, XINF_IO, "x\ny\x01z\x7f \xc3\xa9 \xff\xc3 \xc2\x85.");
    CHECK(strcmp(err.message, "x?y?z? \xc3\xa9 ?? ?.") == 0);
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = 0;
    xi_fail(&err, XINF_IO, "%s", longer);
    CHECK(strlen(err.message) == sizeof err.message - 1);
    xi_error_prefix(&err, "pre: ");
    CHECK(strlen(err.message) == sizeof err.message - 1 && memcmp(err.message, "pre: aaa", 8) == 0);
    for (size_t i = 0; i + 1 < sizeof longer - 1; i += 2) memcpy(longer + i, "\xc3\xa9", 2);
    longer[sizeof longer - 2] = 0;
    xi_fail(&err, XINF_IO, "%s", longer); /* never half a character */
    CHECK(strlen(err.message) == 502 && !strchr(err.message, '?'));
    xi_fail_memory(&err, 4096);
    CHECK(err.status == XINF_OUT_OF_MEMORY && strstr(err.message, "4096"));

    memset(&box, 0x77, sizeof box);
    box.err.struct_size = offsetof(xinf_error, message) + 10;
    xi_fail(&box.err, XINF_IO, "0123456789abcdef");
    CHECK(box.err.status == XINF_IO && strcmp(box.err.message, "012345678") == 0 &&
          box.err.message[10] == 0x77);
    xi_error_prefix(&box.err, "p: ");
    CHECK(strcmp(box.err.message, "p: 012345") == 0 && box.err.message[10] == 0x77);
    memset(&box, 0x77, sizeof box);
    box.err.struct_size = offsetof(xinf_error, message);
    xi_fail(&box.err, XINF_IO, "x");
    xi_error_prefix(&box.err, "p");
    CHECK(box.err.status == XINF_IO && box.err.message[0] == 0x77);
    memset(&box, 0, sizeof box);
    xi_fail(&box.err, XINF_IO, "x");
    CHECK(box.err.status == 0 && box.err.message[0] == 0);
    box.err.struct_size = sizeof box; /* of a later version */
    xi_fail(&box.err, XINF_IO, "%s", longer);
    CHECK(strlen(box.err.message) == 502 && box.guard[0] == 0);
}

static void test_string(void)
{
    counted c;
    xinf_allocator a = counted_allocator(&c);
    xi_text t;
    CHECK(xi_str_eq(XI_STR("ab"), xi_str_of("ab")) && !xi_str_eq(XI_STR("ab"), XI_STR("ac")));
    CHECK(xi_str_eq(xi_str_of(NULL), XI_STR("")) && xi_str_is(XI_STR("q"), "q") &&
          !xi_str_is(XI_STR("q"), "qq"));
    CHECK(xi_str_hash(XI_STR("")) == UINT64_C(0xcbf29ce484222325));
    CHECK(xi_str_hash(XI_STR("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    CHECK(xi_str_hash(XI_STR("foobar")) == UINT64_C(0x85944171f73967e8));

    CHECK(xi_str_utf8("a", 1) == 1 && xi_str_utf8("", 0) == 0);
    CHECK(xi_str_utf8("\xc3\xa9", 2) == 2 && xi_str_utf8("\xc3\xa9", 1) == 0);
    CHECK(xi_str_utf8("\xe2\x82\xac", 3) == 3 && xi_str_utf8("\xf0\x9f\x98\x80", 4) == 4);
    CHECK(xi_str_utf8("\xc0\x80", 2) == 0 && xi_str_utf8("\xe0\x80\x80", 3) == 0);
    CHECK(xi_str_utf8("\xed\xa0\x80", 3) == 0 && xi_str_utf8("\xf4\x90\x80\x80", 4) == 0 &&
          xi_str_utf8("\x80", 1) == 0);

    xi_text_init(&t, &a);
    CHECK(!t.ptr && c.calls == 0);
    xi_text_add(&t, "one", 3);
    xi_text_addf(&t, " %d %s", 2, "three");
    CHECK(!t.failed && strcmp(t.ptr, "one 2 three") == 0 && t.len == 11);
    xi_text_free(&t);
    CHECK(c.out == 0);
    xi_text_add_quoted(&t, (xi_str){"a\"b\\c\nd\te\x01\x00\x7f\xc3\xa9\xff", 15});
    CHECK(strcmp(t.ptr, "\"a\\\"b\\\\c\\nd\\te\\x01\\x00\\x7f\xc3\xa9\\xff\"") == 0);
    xi_text_free(&t);
    for (int i = 0; i < 5000; i++) xi_text_addf(&t, "%04d", i);
    CHECK(!t.failed && t.len == 20000 && memcmp(t.ptr + 19996, "4999", 5) == 0 && c.calls < 40);
    c.fail_at = c.calls + 1;
    while (!t.failed) xi_text_add(&t, "0123456789abcdef", 16);
    xi_text_add(&t, "x", 1);
    xi_text_addf(&t, "x");
    CHECK(t.failed && t.ptr[t.len] == 0 && memcmp(t.ptr, "0000", 4) == 0);
    xi_text_free(&t);
    CHECK(c.out == 0 && !c.wrong_size);
}

/* ---- files
 * -----------------------------------------------------------------------------------------------------------
 */

static char folder[512];

static const char *in_folder(const char *name)
{
    static char path[800];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    CHECK(xi_file_write(in_folder(name), text, strlen(text), NULL) == XINF_OK);
}

static xinf_status below(const char *name, size_t len)
{
    xi_file f;
    xinf_error err = XINF_ERROR_INIT;
    xinf_status status = xi_file_open_below(&f, NULL, folder, name, len, true, &err);
    CHECK((status == XINF_OK) == (err.message[0] == 0));
    if (status == XINF_OK)
        xi_file_close(&f);
    else
        CHECK(f.data == NULL && f.size == 0);
    return status;
}

#define BELOW(name) below(name, sizeof(name) - 1)

static void test_file_open(void)
{
    counted c;
    xinf_allocator a = counted_allocator(&c);
    xinf_error err = XINF_ERROR_INIT;
    xi_file f;
    put("a", "hello");
    for (int map = 0; map < 2; map++) {
        CHECK(xi_file_open(&f, &a, in_folder("a"), map, &err) == XINF_OK);
        CHECK(f.size == 5 && memcmp(f.data, "hello", 5) == 0 && f.mapped == (map == 1) &&
              f.owned == (map == 0));
        CHECK(c.out == (map ? 0u : 5u));
        xi_file_close(&f);
        CHECK(c.out == 0 && !f.data);
    }
    put("empty", "");
    CHECK(xi_file_open(&f, &a, in_folder("empty"), true, &err) == XINF_OK && f.size == 0 && f.data);
    xi_file_close(&f);
    c.fail_at = c.calls + 1;
    CHECK(xi_file_open(&f, &a, in_folder("a"), false, &err) == XINF_OUT_OF_MEMORY && !f.data);
    CHECK(xi_file_open(&f, &a, in_folder("missing"), true, &err) == XINF_IO);
    CHECK(strstr(err.message, "missing") && strstr(err.message, "no such file"));
    CHECK(xi_file_open(&f, &a, folder, true, &err) == XINF_IO && strstr(err.message, "folder"));
    CHECK(mkfifo(in_folder("pipe"), 0600) == 0);
    CHECK(xi_file_open(&f, &a, in_folder("pipe"), true, &err) == XINF_IO &&
          strstr(err.message, "regular"));
    CHECK(xi_file_open(&f, &a, "/dev/null", true, &err) == XINF_IO);
    xi_file_borrow(&f, "xyz", 3);
    CHECK(f.size == 3 && f.data[2] == 'z' && !f.owned && !f.mapped);
    xi_file_drop(&f, 0, 3);
    xi_file_close(&f);
}

static void test_file_write(void)
{
    xinf_error err = XINF_ERROR_INIT;
    struct stat st;
    xi_file f;
    size_t size = (size_t)3 << 20;
    unsigned char *big = malloc(size);
    bool same = true;
    for (size_t i = 0; i < size; i++) big[i] = (unsigned char)(i * 31 + (i >> 12));
    CHECK(xi_file_write(in_folder("big"), big, size, &err) == XINF_OK);
    CHECK(xi_file_open(&f, NULL, in_folder("big"), true, &err) == XINF_OK && f.size == size);
    CHECK(memcmp(f.data, big, size) == 0);
    xi_file_drop(&f, 100, size - 200);
    xi_file_drop(&f, 0, SIZE_MAX);
    xi_file_drop(&f, size + 1, 5);
    for (size_t i = 0; i < size; i += 511) same = same && f.data[i] == big[i];
    CHECK(same);
    /* The new file takes the old one's name; the open map keeps the old bytes. */
    CHECK(chmod(in_folder("big"), 0600) == 0);
    CHECK(xi_file_write(in_folder("big"), "new", 3, &err) == XINF_OK);
    CHECK(stat(in_folder("big"), &st) == 0 && st.st_size == 3 && (st.st_mode & 0777) == 0600);
    CHECK(f.data[size - 1] == big[size - 1]);
    xi_file_close(&f);
    CHECK(xi_file_write(in_folder("no/such"), "x", 1, &err) == XINF_IO);
    CHECK(xi_file_write(in_folder("pipe"), "x", 1, &err) == XINF_IO);
    CHECK(xi_file_write(folder, "x", 1, &err) == XINF_IO);
    free(big);
}

static void test_file_below(void)
{
    char long_name[5000], name256[300];
    CHECK(mkdir(in_folder("sub"), 0700) == 0 && mkdir(in_folder("sub/deep"), 0700) == 0);
    put("sub/deep/w.bin", "weights");
    CHECK(symlink("a", in_folder("link")) == 0 && symlink("sub", in_folder("linked")) == 0);
    CHECK(symlink("/etc", in_folder("etc")) == 0);
    CHECK(BELOW("a") == XINF_OK && BELOW("sub/deep/w.bin") == XINF_OK &&
          BELOW("./sub/./deep/w.bin") == XINF_OK);
    CHECK(BELOW("") == XINF_MALFORMED && BELOW("/etc/passwd") == XINF_MALFORMED &&
          BELOW("..") == XINF_MALFORMED);
    CHECK(BELOW("../a") == XINF_MALFORMED && BELOW("sub/../a") == XINF_MALFORMED &&
          BELOW("sub/..") == XINF_MALFORMED);
    CHECK(BELOW("sub//deep/w.bin") == XINF_MALFORMED && BELOW("sub/deep/w.bin/") == XINF_MALFORMED);
    CHECK(BELOW("a\0b") == XINF_MALFORMED && BELOW("\\\\server\\x") == XINF_MALFORMED);
    CHECK(BELOW("C:a") == XINF_MALFORMED && BELOW("c:/a") == XINF_MALFORMED);
    CHECK(BELOW("link") == XINF_IO && BELOW("linked/deep/w.bin") == XINF_IO &&
          BELOW("etc/passwd") == XINF_IO);
    CHECK(BELOW("sub") == XINF_IO && BELOW(".") == XINF_IO && BELOW("pipe") == XINF_IO &&
          BELOW("a/b") == XINF_IO);
    CHECK(BELOW("none") == XINF_IO && BELOW("sub/none/x") == XINF_IO);
    memset(long_name, 'x', sizeof long_name);
    memset(name256, 'x', sizeof name256);
    CHECK(below(long_name, sizeof long_name) == XINF_MALFORMED &&
          below(name256, 256) == XINF_MALFORMED);
    CHECK(below(name256, 255) == XINF_IO);
    for (size_t i = 1; i < sizeof long_name; i += 2) long_name[i] = '/';
    CHECK(below(long_name, 4001) == XINF_IO);
    {
        xi_file f;
        xinf_error err = XINF_ERROR_INIT;
        CHECK(xi_file_open_below(&f, NULL, in_folder("absent"), "a", 1, true, &err) == XINF_IO);
        CHECK(xi_file_open_below(&f, NULL, in_folder("linked"), "deep/w.bin", 10, false, &err) ==
              XINF_OK);
        CHECK(f.size == 7 && f.owned && memcmp(f.data, "weights", 7) == 0);
        xi_file_close(&f);
    }
}

static void test_file(void)
{
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/xinf-base-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(folder)) {
        CHECK(!"a temporary folder");
        return;
    }
    test_file_open();
    test_file_write();
    test_file_below();
    static const char *const names[] = {"a",    "empty",  "pipe", "big",
                                        "link", "linked", "etc",  "sub/deep/w.bin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK(unlink(in_folder(names[i])) == 0);
    CHECK(rmdir(in_folder("sub/deep")) == 0 && rmdir(in_folder("sub")) == 0);
    CHECK(rmdir(folder) == 0); /* so no temporary was left behind */
}

static void test_pages(void)
{
    static const size_t sizes[] = {1, 4096, (2 << 20) + 1, (9 << 20) + 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *p = malloc(sizes[i]);
        if (!p) continue;
        memset(p, 7, sizes[i] / 2);
        xi_pages_huge(p, sizes[i]); /* changes no content */
        memset(p + sizes[i] / 2, 7, sizes[i] - sizes[i] / 2);
        size_t same = 0;
        for (size_t k = 0; k < sizes[i]; k++) same += p[k] == 7;
        CHECK(same == sizes[i]);
        free(p);
    }
    xi_pages_huge(NULL, 0);
}

/* ---- processor, clock
 * ------------------------------------------------------------------------------------------------
 */

static void test_cpu(void)
{
    const uint32_t x86 = XI_ISA_AVX2 | XI_ISA_AVX512 | XI_ISA_AVX512_VNNI | XI_ISA_AVX512_BF16 |
                         XI_ISA_AVX_VNNI | XI_ISA_AMX;
    const uint32_t arm = XI_ISA_NEON | XI_ISA_NEON_DOTPROD;
    uint32_t mask = 99;
    xi_cpu cpu, again;
    xi_cpu_query(&cpu);
    xi_cpu_query(&again);
    CHECK(cpu.cpus >= 1 && cpu.isa == again.isa && cpu.l2 == again.l2);
    CHECK(cpu.cpus <= (int32_t)sysconf(_SC_NPROCESSORS_CONF));
    CHECK(strlen(cpu.model) < sizeof cpu.model);
    CHECK(!(cpu.isa & XI_ISA_AVX512) || (cpu.isa & XI_ISA_AVX2));
    CHECK(!(cpu.isa & x86) || !(cpu.isa & arm));
#if defined(__x86_64__)
    CHECK(!(cpu.isa & arm) && cpu.l1d >= 8192 && cpu.model[0]);
    CHECK(!!(cpu.isa & XI_ISA_AVX2) ==
          (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
    CHECK(!!(cpu.isa & XI_ISA_AVX512) ==
          (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")));
    CHECK(!!(cpu.isa & XI_ISA_AVX512_VNNI) == !!__builtin_cpu_supports("avx512vnni"));
#elif defined(__aarch64__)
    CHECK(cpu.isa & XI_ISA_NEON);
#endif
    printf("cpu: %s, isa %#x, %d CPUs, caches %zu %zu %zu\n", cpu.model, (unsigned)cpu.isa,
           (int)cpu.cpus, cpu.l1d, cpu.l2, cpu.l3);
    CHECK(!xi_cpu_isa_parse(XI_STR("sse9"), x86, &mask) && mask == 99 &&
          !xi_cpu_isa_parse(XI_STR(""), x86, &mask));
    CHECK(xi_cpu_isa_parse(XI_STR("portable"), x86, &mask) && mask == 0);
    CHECK(xi_cpu_isa_parse(XI_STR("avx2"), x86, &mask) && mask == XI_ISA_AVX2);
    CHECK(xi_cpu_isa_parse(XI_STR("avx512"), x86, &mask) && mask == (XI_ISA_AVX2 | XI_ISA_AVX512));
    CHECK(xi_cpu_isa_parse(XI_STR("avx512"), XI_ISA_AVX2, &mask) && mask == XI_ISA_AVX2);
    CHECK(xi_cpu_isa_parse(XI_STR("avx512"), arm, &mask) && mask == 0);
    CHECK(xi_cpu_isa_parse(XI_STR("avx512_vnni"), x86, &mask) && (mask & XI_ISA_AVX512_VNNI) &&
          !(mask & XI_ISA_AVX512_BF16));
    CHECK(xi_cpu_isa_parse(XI_STR("amx"), x86, &mask) && mask == x86);
    CHECK(xi_cpu_isa_parse(XI_STR("neon"), arm, &mask) && mask == XI_ISA_NEON);
    CHECK(xi_cpu_isa_parse(XI_STR("neon_dotprod"), arm, &mask) && mask == arm);
}

static void test_clock(void)
{
    uint64_t before = xi_clock_ns(), last = before;
    bool forward = true;
    for (int i = 0; i < 10000; i++) {
        uint64_t now = xi_clock_ns();
        forward = forward && now >= last;
        last = now;
    }
    CHECK(forward);
    usleep(2000);
    CHECK(xi_clock_ns() - before >= 2000000);
    CHECK(xi_process_id() == (uint64_t)getpid());
}

/* "--no-fork": user-mode emulators and gcc's thread sanitizer cannot start a thread in a forked
 * child, whoever starts it. */
int main(int argc, char **argv)
{
    bool with_fork = argc < 2 || strcmp(argv[1], "--no-fork") != 0;
    test_checked();
    test_allocator();
    test_arena();
    test_error();
    test_string();
    test_file();
    test_pages();
    test_cpu();
    test_clock();
    base_pool_tests(with_fork);
    if (!with_fork) printf("fork was not tested\n");
    printf("%d passed, %d failed\n", base_passed, base_failed);
    return base_failed ? 1 : 0;
}
