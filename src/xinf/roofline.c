/* roofline.c — see roofline.h. */
#include "roofline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "workspace.h"

enum { ROOFLINE_TURNS = 100000, ROOFLINE_TRIES = 12, ROOFLINE_FLOATS = 8 << 20 };

/* Twelve independent sums of a vector: more than the latency of any core asks for. Returns the
 * operations. */
#define ROOFLINE_CHAINS(vector, set, fma, lanes, keep)                            \
    vector s[12], a = set(1.0001f), b = set(0.5f);                                \
    for (int i = 0; i < 12; i++) s[i] = set((float)i);                            \
    for (int turn = 0; turn < ROOFLINE_TURNS; turn++) {                           \
        s[0] = fma(s[0], a, b), s[1] = fma(s[1], a, b), s[2] = fma(s[2], a, b),   \
        s[3] = fma(s[3], a, b);                                                   \
        s[4] = fma(s[4], a, b), s[5] = fma(s[5], a, b), s[6] = fma(s[6], a, b),   \
        s[7] = fma(s[7], a, b);                                                   \
        s[8] = fma(s[8], a, b), s[9] = fma(s[9], a, b), s[10] = fma(s[10], a, b), \
        s[11] = fma(s[11], a, b);                                                 \
    }                                                                             \
    for (int i = 0; i < 12; i++) keep;                                            \
    return 2.0 * 12 * lanes * ROOFLINE_TURNS

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double roofline_avx512(volatile float *out)
{
    ROOFLINE_CHAINS(__m512, _mm512_set1_ps, _mm512_fmadd_ps, 16, *out = _mm512_cvtss_f32(s[i]));
}

__attribute__((target("avx2,fma"))) static double roofline_avx2(volatile float *out)
{
    ROOFLINE_CHAINS(__m256, _mm256_set1_ps, _mm256_fmadd_ps, 8, *out = _mm256_cvtss_f32(s[i]));
}
#elif defined(__aarch64__)
static float32x4_t roofline_fma4(float32x4_t s, float32x4_t a, float32x4_t b)
{
    return vfmaq_f32(b, s, a);
}

static double roofline_neon(volatile float *out)
{
    ROOFLINE_CHAINS(float32x4_t, vdupq_n_f32, roofline_fma4, 4, *out = vgetq_lane_f32(s[i], 0));
}
#endif

static float roofline_number(float x)
{
    return x;
}

static float roofline_fma1(float s, float a, float b)
{
    return s * a + b;
}

static double roofline_plain(volatile float *out)
{
    ROOFLINE_CHAINS(float, roofline_number, roofline_fma1, 1, *out = s[i]);
}

#undef ROOFLINE_CHAINS

static double roofline_products(void)
{
    volatile float out;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return roofline_avx512(&out);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return roofline_avx2(&out);
#elif defined(__aarch64__)
    return roofline_neon(&out);
#endif
    return roofline_plain(&out);
}

/* Bytes a millisecond of a copy that no cache holds. */
static double roofline_copy(float *to, const float *from)
{
    double start = workspace_now();
    memcpy(to, from, ROOFLINE_FLOATS * sizeof *to);
    return 2.0 * ROOFLINE_FLOATS * sizeof *to / (workspace_now() - start);
}

void roofline_start(roofline *r, int32_t threads)
{
    float *a = calloc(ROOFLINE_FLOATS, sizeof *a), *b = calloc(ROOFLINE_FLOATS, sizeof *b);
    if (a) memset(a, 1, ROOFLINE_FLOATS * sizeof *a);
    r->threads = threads;
    for (int i = 0; i < ROOFLINE_TRIES; i++) {
        double start = workspace_now(), flops = roofline_products(),
               rate = flops / (workspace_now() - start);
        if (rate * 1e-6 * threads > r->gflops) r->gflops = rate * 1e-6 * threads;
        if (!a || !b) continue;
        rate = roofline_copy(b, a);
        if (rate * 1e-6 > r->gbytes) r->gbytes = rate * 1e-6;
    }
    r->gbytes *= threads;
    free(a);
    free(b);
}

static char *roofline_texts(const char *a, const char *b)
{
    size_t na = strlen(a) + 1, nb = strlen(b) + 1;
    char *text = malloc(na + nb);
    if (!text) return NULL;
    memcpy(text, a, na);
    memcpy(text + na, b, nb);
    return text;
}

void roofline_add(void *self, const xinf_step_profile *step)
{
    roofline *r = self;
    double us = (double)(step->end_ns - step->start_ns) * 1e-3;
    if (step->index < 0 || r->full) return;
    if (step->index < r->count) {
        if (us < r->steps[step->index].us) r->steps[step->index].us = us;
        return;
    }
    if (step->index >= r->room) {
        int32_t room = step->index < INT32_MAX / 2 ? step->index * 2 + 64 : INT32_MAX;
        roofline_step *steps = realloc(r->steps, (size_t)room * sizeof *steps);
        r->full = !steps;
        if (!steps) return;
        r->steps = steps;
        r->room = room;
    }
    while (r->count < step->index)
        r->steps[r->count++] = (roofline_step){0}; /* steps that do not run */
    roofline_step *s = &r->steps[r->count++];
    *s = (roofline_step){
        roofline_texts(step->kernel ? step->kernel : "", step->node ? step->node : ""), us,
        step->bytes, step->flops};
}

static double roofline_total(const roofline *r)
{
    double total = 0;
    for (int32_t i = 0; i < r->count; i++) total += r->steps[i].us;
    return total;
}

/* 10^9 a second. */
static double roofline_rate(uint64_t count, double us)
{
    return us > 0 ? (double)count / us * 1e-3 : 0;
}

void roofline_print(const roofline *r, FILE *to)
{
    double total = roofline_total(r);
    fprintf(to, "peak of %d threads: %.1f GFLOP/s in registers, %.1f GB/s from memory\n\n",
            (int)r->threads, r->gflops, r->gbytes);
    fprintf(to, "       us  share   GFLOP/s  of peak      GB/s  kernel, node\n");
    for (int32_t i = 0; i < r->count; i++) {
        const roofline_step *s = &r->steps[i];
        if (!s->text) continue;
        double flops = roofline_rate(s->flops, s->us);
        fprintf(to, "%9.1f %5.1f%% %9.1f %7.0f%% %9.1f  %s  %s\n", s->us,
                total > 0 ? 100 * s->us / total : 0, flops,
                r->gflops > 0 ? 100 * flops / r->gflops : 0, roofline_rate(s->bytes, s->us),
                s->text, s->text + strlen(s->text) + 1);
    }
    fprintf(to, "%9.1f  the least times of all steps\n", total);
}

void roofline_json(const roofline *r, json *j)
{
    json_number(j, "peak_gflops", r->gflops);
    json_number(j, "peak_gbytes", r->gbytes);
    json_open(j, "steps", '[');
    for (int32_t i = 0; i < r->count; i++) {
        const roofline_step *s = &r->steps[i];
        if (!s->text) continue;
        json_open(j, NULL, '{');
        json_text(j, "kernel", s->text);
        json_text(j, "node", s->text + strlen(s->text) + 1);
        json_number(j, "us", s->us);
        json_integer(j, "flops", (int64_t)s->flops);
        json_integer(j, "bytes", (int64_t)s->bytes);
        json_number(j, "gflops", roofline_rate(s->flops, s->us));
        json_number(j, "gbytes", roofline_rate(s->bytes, s->us));
        json_close(j, '}');
    }
    json_close(j, ']');
}

void roofline_free(roofline *r)
{
    for (int32_t i = 0; i < r->count; i++) free(r->steps[i].text);
    free(r->steps);
    *r = (roofline){0};
}
