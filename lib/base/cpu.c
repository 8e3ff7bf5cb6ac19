/* cpu.c — instruction sets, CPUs granted to this process, cache sizes. */
#include "base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#define CPU_X86 1
#include <cpuid.h>
#endif
#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <unistd.h>
#endif
#if defined(__linux__)
#include <fcntl.h>
#include <sched.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

/* ---- instruction sets
 * ------------------------------------------------------------------------------------------------
 */

#if defined(__APPLE__)
static uint64_t cpu_sysctl(const char *name)
{
    uint64_t value = 0;
    size_t size = sizeof value;
    if (sysctlbyname(name, &value, &size, NULL, 0) != 0) return 0;
    /* Some are 32-bit numbers; the upper half then stays 0 (little-endian). */
    return value;
}
#endif

#if defined(CPU_X86)
typedef struct cpu_leaf {
    uint32_t a, b, c, d;
} cpu_leaf;

/* All zero when the processor does not have the leaf. */
static cpu_leaf cpu_leaf_read(uint32_t leaf, uint32_t sub)
{
    cpu_leaf r = {0, 0, 0, 0};
    if (!__get_cpuid_count(leaf, sub, &r.a, &r.b, &r.c, &r.d)) memset(&r, 0, sizeof r);
    return r;
}

static bool cpu_bit(uint32_t word, int bit)
{
    return word >> bit & 1;
}

/* The register states that the operating system saves. */
static uint64_t cpu_saved_states(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static uint32_t cpu_isa_find(void)
{
    cpu_leaf one = cpu_leaf_read(1, 0), seven = cpu_leaf_read(7, 0), more = {0, 0, 0, 0};
    uint64_t states;
    uint32_t isa = 0;
    bool zmm;
    if (!cpu_bit(one.c, 27) || !cpu_bit(one.c, 28)) return 0; /* OSXSAVE, AVX */
    states = cpu_saved_states();
    if ((states & 0x6) != 0x6) return 0;
    if (seven.a >= 1) more = cpu_leaf_read(7, 1);
    if (!cpu_bit(one.c, 12) || !cpu_bit(one.c, 29) || !cpu_bit(seven.b, 5))
        return 0; /* FMA, F16C, AVX2 */
    isa |= XI_ISA_AVX2;
    if (cpu_bit(more.a, 4)) isa |= XI_ISA_AVX_VNNI;
    zmm = (states & 0xe6) == 0xe6;
#if defined(__APPLE__)
    /* macOS gives a thread its wide registers on first use. */
    zmm = zmm || cpu_sysctl("hw.optional.avx512f") != 0;
#endif
    if (!zmm || !cpu_bit(seven.b, 16) || !cpu_bit(seven.b, 17) || !cpu_bit(seven.b, 28) ||
        !cpu_bit(seven.b, 30) || !cpu_bit(seven.b, 31))
        return isa; /* F, DQ, CD, BW, VL */
    isa |= XI_ISA_AVX512;
    if (cpu_bit(seven.c, 11)) isa |= XI_ISA_AVX512_VNNI;
    if (cpu_bit(more.a, 5)) isa |= XI_ISA_AVX512_BF16;
    if ((states & 0x60000) == 0x60000 && cpu_bit(seven.d, 22) && cpu_bit(seven.d, 24) &&
        cpu_bit(seven.d, 25))
        isa |= XI_ISA_AMX; /* BF16, TILE, INT8 */
    return isa;
}

/* Threads of one core, as leaf 0xB tells. */
static uint32_t cpu_threads_per_core(void)
{
    cpu_leaf r = cpu_leaf_read(0xb, 0);
    return (r.b & 0xffff) ? r.b & 0xffff : 1;
}

/* Intel's leaf 4 and AMD's 0x8000001D have the same form: one cache per sub-leaf, type 0 ends. */
static void cpu_caches_x86(xi_cpu *out, uint32_t leaf)
{
    uint32_t smt = cpu_threads_per_core();
    for (uint32_t sub = 0; sub < 16; sub++) {
        cpu_leaf r = cpu_leaf_read(leaf, sub);
        uint32_t type = r.a & 31, level = r.a >> 5 & 7, cores = ((r.a >> 14 & 0xfff) + 1) / smt;
        uint64_t size = (uint64_t)((r.b >> 22) + 1) * ((r.b >> 12 & 0x3ff) + 1) *
                        ((r.b & 0xfff) + 1) * ((uint64_t)r.c + 1);
        if (type == 0) break;
        if (type == 2 || size > SIZE_MAX) continue; /* instructions */
        if (cores < 1) cores = 1;
        if (level == 1 && !out->l1d) out->l1d = (size_t)size / cores;
        if (level == 2 && !out->l2) out->l2 = (size_t)size / cores;
        if (level == 3 && !out->l3) out->l3 = (size_t)size;
    }
}

static void cpu_caches_find(xi_cpu *out)
{
    cpu_leaf r;
    cpu_caches_x86(out, 4);
    if (!out->l1d && cpu_bit(cpu_leaf_read(0x80000001, 0).c, 22)) cpu_caches_x86(out, 0x8000001d);
    if (!out->l1d) out->l1d = (size_t)(cpu_leaf_read(0x80000005, 0).c >> 24) * 1024;
    r = cpu_leaf_read(0x80000006, 0);
    if (!out->l2) out->l2 = (size_t)(r.c >> 16) * 1024;
}

static void cpu_model_find(char *model, size_t size)
{
    char name[49];
    size_t start = 0, used = 0;
    for (uint32_t i = 0; i < 3; i++) {
        cpu_leaf r = cpu_leaf_read(0x80000002 + i, 0);
        memcpy(name + 16 * i, &r, 16);
    }
    name[48] = 0;
    while (name[start] == ' ') start++;
    for (; name[start] && used + 1 < size; start++)
        if (name[start] != ' ' || (name[start + 1] != ' ' && name[start + 1]))
            model[used++] = name[start];
    model[used] = 0;
}

#else

static uint32_t cpu_isa_find(void)
{
    uint32_t isa = 0;
#if defined(__aarch64__)
    isa |= XI_ISA_NEON;                                            /* every AArch64 processor */
#if defined(__linux__)
    if (getauxval(AT_HWCAP) >> 20 & 1) isa |= XI_ISA_NEON_DOTPROD; /* HWCAP_ASIMDDP */
#elif defined(__APPLE__)
    if (cpu_sysctl("hw.optional.arm.FEAT_DotProd")) isa |= XI_ISA_NEON_DOTPROD;
#elif defined(_WIN32) && defined(PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE)
    if (IsProcessorFeaturePresent(PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE)) isa |= XI_ISA_NEON_DOTPROD;
#endif
#endif
    return isa;
}

static void cpu_caches_find(xi_cpu *out)
{
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    long l1d = sysconf(_SC_LEVEL1_DCACHE_SIZE), l2 = sysconf(_SC_LEVEL2_CACHE_SIZE),
         l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (l1d > 0) out->l1d = (size_t)l1d;
    if (l2 > 0) out->l2 = (size_t)l2;
    if (l3 > 0) out->l3 = (size_t)l3;
#elif defined(__APPLE__)
    out->l1d = (size_t)cpu_sysctl("hw.l1dcachesize");
    out->l2 = (size_t)cpu_sysctl("hw.l2cachesize");
    out->l3 = (size_t)cpu_sysctl("hw.l3cachesize");
#else
    (void)out;
#endif
}

static void cpu_model_find(char *model, size_t size)
{
#if defined(__APPLE__)
    if (sysctlbyname("machdep.cpu.brand_string", model, &size, NULL, 0) == 0) return;
#endif
#if defined(__aarch64__)
    snprintf(model, size, "aarch64");
#elif defined(__arm__)
    snprintf(model, size, "arm");
#elif defined(__riscv)
    snprintf(model, size, "riscv");
#else
    snprintf(model, size, "unknown");
#endif
}
#endif

/* ---- CPUs granted
 * ----------------------------------------------------------------------------------------------------
 */

#if defined(__linux__)
/* Reads a small file whole; false when it is not there or does not fit. */
static bool cpu_text_read(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t n;
    if (fd < 0) return false;
    while (used + 1 < size && (n = read(fd, text + used, size - 1 - used)) > 0) used += (size_t)n;
    close(fd);
    text[used] = 0;
    return used > 0;
}

/* quota / period rounded up; 0 when there is no limit. */
static int32_t cpu_quota(long long quota, long long period)
{
    long long cpus;
    if (quota <= 0 || period <= 0) return 0;
    cpus = quota / period + (quota % period != 0);
    return cpus > INT32_MAX ? 0 : (int32_t)cpus;
}

static int32_t cpu_quota_read_v2(const char *folder)
{
    char path[1200], text[64];
    long long quota, period;
    if ((size_t)snprintf(path, sizeof path, "%s/cpu.max", folder) >= sizeof path) return 0;
    if (!cpu_text_read(path, text, sizeof text) || sscanf(text, "%lld %lld", &quota, &period) != 2)
        return 0;
    return cpu_quota(quota, period);
}

static int32_t cpu_quota_read_v1(const char *folder)
{
    char path[1200], quota[32], period[32];
    if ((size_t)snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder) >= sizeof path) return 0;
    if (!cpu_text_read(path, quota, sizeof quota)) return 0;
    if ((size_t)snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder) >= sizeof path)
        return 0;
    if (!cpu_text_read(path, period, sizeof period)) return 0;
    return cpu_quota(atoll(quota), atoll(period));
}

static int32_t cpu_smaller_quota(int32_t a, int32_t b)
{
    if (a == 0) return b;
    return b == 0 || a < b ? a : b;
}

/* The smallest quota of the group and of all groups above it. A path that the mount does not have
 * (a container sees its own group as the root) leaves the root's. */
static int32_t cpu_quota_of_group(const char *mount, const char *group,
                                  int32_t (*quota_read)(const char *))
{
    char folder[1100];
    size_t root = strlen(mount);
    int32_t best = quota_read(mount);
    if (strstr(group, "..") ||
        (size_t)snprintf(folder, sizeof folder, "%s%s", mount, group) >= sizeof folder)
        return best;
    for (size_t end = strlen(folder); end > root; end--) {
        if (folder[end] != 0 && folder[end] != '/') continue;
        folder[end] = 0;
        best = cpu_smaller_quota(best, quota_read(folder));
    }
    return best;
}

/* True when the comma-separated list names the controller "cpu". */
static bool cpu_is_controller(const char *list)
{
    while (*list) {
        size_t n = strcspn(list, ",");
        if (n == 3 && memcmp(list, "cpu", 3) == 0) return true;
        list += n;
        if (*list) list++;
    }
    return false;
}

/* Lines of /proc/self/cgroup are ID:CONTROLLERS:PATH; no controllers means version 2. */
static int32_t cpu_quota_find(void)
{
    char text[8192], *line = text;
    int32_t best = 0;
    if (!cpu_text_read("/proc/self/cgroup", text, sizeof text)) return 0;
    while (*line) {
        size_t len = strcspn(line, "\n");
        bool last = line[len] == 0;
        char *list, *group;
        line[len] = 0;
        list = strchr(line, ':');
        group = list ? strchr(list + 1, ':') : NULL;
        if (group) {
            *group++ = 0;
            list++;
            if (*list == 0) {
                best = cpu_smaller_quota(
                    best, cpu_quota_of_group("/sys/fs/cgroup", group, cpu_quota_read_v2));
                best = cpu_smaller_quota(
                    best, cpu_quota_of_group("/sys/fs/cgroup/unified", group, cpu_quota_read_v2));
            } else if (cpu_is_controller(list)) {
                best = cpu_smaller_quota(
                    best, cpu_quota_of_group("/sys/fs/cgroup/cpu", group, cpu_quota_read_v1));
                best = cpu_smaller_quota(best, cpu_quota_of_group("/sys/fs/cgroup/cpu,cpuacct",
                                                                  group, cpu_quota_read_v1));
            }
        }
        if (last) break;
        line += len + 1;
    }
    return best;
}

static int32_t cpu_count_granted(void)
{
    unsigned long mask[16384 / (8 * sizeof(unsigned long))];
    int32_t cpus = 0, quota;
    memset(mask, 0, sizeof mask);
    if (sched_getaffinity(0, sizeof mask, (cpu_set_t *)(void *)mask) == 0)
        for (size_t i = 0; i < sizeof mask / sizeof *mask; i++)
            cpus += __builtin_popcountl(mask[i]);
    if (cpus == 0) cpus = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
    quota = cpu_quota_find();
    return quota && quota < cpus ? quota : cpus;
}

static uint64_t cpu_memory_find(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

#elif defined(_WIN32)
static int32_t cpu_count_granted(void)
{
    DWORD_PTR mine = 0, all = 0;
    /* A process in several processor groups gets masks of 0 and may use every CPU. */
    if (GetProcessAffinityMask(GetCurrentProcess(), &mine, &all) && mine)
        return (int32_t)__builtin_popcountll(mine);
    return (int32_t)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
}

static uint64_t cpu_memory_find(void)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : 0;
}
#elif defined(__APPLE__)
static int32_t cpu_count_granted(void)
{
    return (int32_t)cpu_sysctl("hw.activecpu");
}

static uint64_t cpu_memory_find(void)
{
    return (uint64_t)cpu_sysctl("hw.memsize");
}
#else
static int32_t cpu_count_granted(void)
{
    return (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
}

static uint64_t cpu_memory_find(void)
{
    return 0;
}
#endif

void xi_cpu_query(xi_cpu *out)
{
    memset(out, 0, sizeof *out);
    out->isa = cpu_isa_find();
    out->cpus = cpu_count_granted();
    if (out->cpus < 1) out->cpus = 1;
    out->memory = cpu_memory_find();
    cpu_caches_find(out);
    cpu_model_find(out->model, sizeof out->model);
}

/* ---- names
 * -----------------------------------------------------------------------------------------------------------
 */

enum {
    CPU_UP_TO_AVX512 = XI_ISA_AVX2 | XI_ISA_AVX_VNNI | XI_ISA_AVX512,
    CPU_UP_TO_BF16 = CPU_UP_TO_AVX512 | XI_ISA_AVX512_VNNI | XI_ISA_AVX512_BF16,
};

/* Each name allows itself and what came before it. */
static const struct cpu_isa_name {
    const char *name;
    uint32_t allowed;
} cpu_isa_names[] = {
    {"portable", 0},
    {"avx2", XI_ISA_AVX2},
    {"avx_vnni", XI_ISA_AVX2 | XI_ISA_AVX_VNNI},
    {"avx512", XI_ISA_AVX2 | XI_ISA_AVX512},
    {"avx512_vnni", CPU_UP_TO_AVX512 | XI_ISA_AVX512_VNNI},
    {"avx512_bf16", CPU_UP_TO_BF16},
    {"amx", CPU_UP_TO_BF16 | XI_ISA_AMX},
    {"neon", XI_ISA_NEON},
    {"neon_dotprod", XI_ISA_NEON | XI_ISA_NEON_DOTPROD},
};

bool xi_cpu_isa_parse(xi_str name, uint32_t have, uint32_t *out)
{
    for (size_t i = 0; i < sizeof cpu_isa_names / sizeof *cpu_isa_names; i++) {
        if (!xi_str_is(name, cpu_isa_names[i].name)) continue;
        *out = have & cpu_isa_names[i].allowed;
        return true;
    }
    return false;
}

#undef CPU_X86
