/* preflight_test.c — xinf_loader_inspect tells every node that cannot run and reads no weights:
 * after it, the file's pages of weights are not in memory (mincore), nor in this process (smaps).
 *
 *     test-preflight FOLDER     where a file of 64 MiB may be written */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model_bytes.h"
#include "xinf.h"

enum { PREFLIGHT_WEIGHTS = 16 << 20, PREFLIGHT_LAYERS = 12 };

static int preflight_passed, preflight_failed;

#define CHECK(condition) preflight_check((condition) != 0, #condition, __LINE__)

static void preflight_check(int ok, const char *what, int line)
{
    preflight_passed += ok;
    preflight_failed += !ok;
    if (!ok) printf("preflight_test.c:%d: %s\n", line, what);
}

/* One large weight, and a chain in which every third node is of an operator that nobody knows, one
 * of them in a branch's place. */
static model_bytes preflight_model(void)
{
    model_bytes g = {0};
    float *data = calloc(PREFLIGHT_WEIGHTS, sizeof *data);
    char name[16], before[16] = "x";
    if (!data) exit(99);
    for (int i = 0; i < PREFLIGHT_WEIGHTS; i++) data[i] = (float)i;
    for (int i = 0; i < PREFLIGHT_LAYERS; i++) {
        snprintf(name, sizeof name, "n%d", i);
        if (i % 3 == 1)
            model_node(&g, i % 2 ? "vendor.x" : "", i % 2 ? "Warp" : "NotThere",
                       (const char *[]){before}, 1, name, NULL);
        else
            model_node(&g, "", "Add", (const char *[]){before, "w"}, 2, name, NULL);
        memcpy(before, name, sizeof before);
    }
    model_floats(&g, "w", 1, (const int64_t[]){PREFLIGHT_WEIGHTS}, data);
    model_input(&g, "x", 1, (const int64_t[]){PREFLIGHT_WEIGHTS});
    model_output(&g, before, 1, (const int64_t[]){PREFLIGHT_WEIGHTS});
    free(data);
    return model_finish(&g);
}

/* Pages of the file that are in memory; -1 when that cannot be told. */
static long resident_pages(int fd, size_t size)
{
    long page = sysconf(_SC_PAGESIZE), count = 0;
    size_t pages = (size + (size_t)page - 1) / (size_t)page;
    unsigned char *state = malloc(pages);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (!state || map == MAP_FAILED || mincore(map, size, state) != 0) count = -1;
    for (size_t i = 0; i < pages && count >= 0; i++) count += state[i] & 1;
    if (map != MAP_FAILED) munmap(map, size);
    free(state);
    return count;
}

/* KiB of this process's mappings of a path that are resident; -1 when there is none or no /proc. */
static long resident_here(const char *path)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[1024];
    long kib = -1, part;
    int mine = 0;
    if (!f) return -1;
    while (fgets(line, sizeof line, f)) {
        unsigned long low, high;
        if (sscanf(line, "%lx-%lx ", &low, &high) == 2) {
            mine = strstr(line, path) != NULL;
            if (mine && kib < 0) kib = 0;
        } else if (mine && sscanf(line, "Rss: %ld", &part) == 1) {
            kib += part;
        }
    }
    fclose(f);
    return kib;
}

static void test_report(const xinf_report *r)
{
    int named = 0;
    CHECK(xinf_report_node_count(r) == PREFLIGHT_LAYERS);
    CHECK(xinf_report_weight_bytes(r) == (uint64_t)PREFLIGHT_WEIGHTS * 4);
    CHECK(xinf_report_unsupported_count(r) == PREFLIGHT_LAYERS / 3);
    for (int32_t i = 0; i < xinf_report_unsupported_count(r); i++) {
        char node[32];
        snprintf(node, sizeof node, "node n%d:", 3 * i + 1);
        const char *sentence = xinf_report_unsupported(r, i);
        named += strstr(sentence, node) &&
                 strstr(sentence, (3 * i + 1) % 2 ? "vendor.x.Warp" : "NotThere") != NULL;
    }
    CHECK(named == PREFLIGHT_LAYERS / 3);
}

int main(int argc, char **argv)
{
    char path[1024];
    xinf_env *env = NULL;
    xinf_loader *loader = NULL;
    xinf_report *report = NULL;
    xinf_error err = XINF_ERROR_INIT;
    snprintf(path, sizeof path, "%s/preflight-%ld.onnx", argc > 1 ? argv[1] : ".", (long)getpid());
    model_bytes m = preflight_model();
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    int written = fd >= 0;
    for (size_t at = 0; written && at < m.size;) {
        ssize_t n = write(fd, m.data + at, m.size - at);
        written = n > 0;
        at += n > 0 ? (size_t)n : 0;
    }
    size_t size = m.size;
    model_release(&m);
    if (!written) {
        if (fd >= 0) unlink(path);
        printf("%s cannot be written\n", path);
        return 77;
    }
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    long page = sysconf(_SC_PAGESIZE), all = (long)(size / (size_t)page),
         before = resident_pages(fd, size);
    bool cold = before >= 0 && before < all / 8; /* some file systems keep everything in memory */
    CHECK(xinf_env_create(&env, NULL, &err) == XINF_OK &&
          xinf_loader_create(&loader, env, NULL, &err) == XINF_OK);
    CHECK(xinf_loader_inspect(&report, loader, path, NULL, &err) == XINF_OK);
    long here = resident_here(path), after = resident_pages(fd, size);
    if (report) test_report(report);
    if (here >= 0) CHECK(here < 1024);
    if (cold)
        CHECK(after < all / 2); /* the system reads ahead, by megabytes on some disks; what we touch
                                   is counted above */
    xinf_report_destroy(report);
    /* The counts themselves: once the weights are read, they are told to be there. */
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    unsigned sum = 0;
    for (size_t at = 0; map != MAP_FAILED && at < size; at += (size_t)page)
        sum += ((volatile unsigned char *)map)[at];
    if (cold) CHECK(resident_pages(fd, size) > all / 4 * 3);
    if (here >= 0) CHECK(resident_here(path) > (long)(size / 2048) && sum > 0);
    if (map != MAP_FAILED) munmap(map, size);
    xinf_loader_destroy(loader);
    xinf_env_destroy(env);
    close(fd);
    unlink(path);
    printf("%d passed, %d failed\n", preflight_passed, preflight_failed);
    if (preflight_failed == 0 && !cold && here < 0) {
        printf("this system tells no resident pages\n");
        return 77;
    }
    return preflight_failed ? 1 : 0;
}
