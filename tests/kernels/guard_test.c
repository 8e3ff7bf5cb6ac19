/* guard_test.c — every vector kernel of the CPU's table by itself, against the portable one.
 *
 *     test-guard [--list] [--bench] [--filter PART] [--rounds N] [--seed N] [DOCUMENT]
 *
 * Random shapes; inputs, outputs, packed weights and scratch lie between pages that nobody may
 * touch, as near to the next one as their alignment allows; chunks run in a random order; 1, 2 and
 * 8 workers must give the same bits; what is not written, and channels that only fill a block, are
 * seen. A kernel that no case reached fails, and so does one that DOCUMENT (docs/isa-coverage.md)
 * does not name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "backend/cpu/table.h"
#include "base/allocator.h"
#include "base/cpu.h"
#include "graph/parse.h"

enum { GUARD_PAGE = 4096, GUARD_OPERANDS = 10, GUARD_KERNELS = 256, GUARD_BLOCKS = 64 };

static int guard_passed, guard_failed;
static uint64_t guard_state = 88172645463325252u;

static uint32_t guard_random(void)
{
    guard_state ^= guard_state << 13;
    guard_state ^= guard_state >> 7;
    guard_state ^= guard_state << 17;
    return (uint32_t)(guard_state >> 32);
}

static int64_t guard_pick(int64_t low, int64_t high)
{
    return low + (int64_t)(guard_random() % (uint32_t)(high - low + 1));
}

/* ---- memory between forbidden pages ---- */

typedef struct guard_block {
    uint8_t *base;
    size_t mapped;
} guard_block;

static guard_block guard_blocks[GUARD_BLOCKS];
static int guard_block_count;

/* `size` bytes that end at a forbidden page, or up to alignment − 1 before it. Filled with 0xff:
 * NaN. */
static void *guard_alloc(size_t size, size_t alignment)
{
    size_t pages = (size + GUARD_PAGE - 1) / GUARD_PAGE * GUARD_PAGE,
           mapped = pages + 2 * GUARD_PAGE;
    uint8_t *base = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || guard_block_count == GUARD_BLOCKS) exit(99);
    memset(base, 0xff, mapped);
    if (mprotect(base, GUARD_PAGE, PROT_NONE) ||
        mprotect(base + GUARD_PAGE + pages, GUARD_PAGE, PROT_NONE))
        exit(99);
    guard_blocks[guard_block_count++] = (guard_block){base, mapped};
    return base + GUARD_PAGE + (pages - size) / alignment * alignment;
}

static void guard_free_all(void)
{
    while (guard_block_count) {
        guard_block b = guard_blocks[--guard_block_count];
        munmap(b.base, b.mapped);
    }
}

/* ---- operands ---- */

/* Element `at` of the row-major tensor within the layout. */
static int64_t guard_place(const xi_operand *o, int64_t at)
{
    int64_t block = xi_layout_block(o->layout), inner = 1;
    if (block == 1) return at;
    for (int32_t i = 2; i < o->shape.rank; i++) inner *= o->shape.dim[i];
    int64_t channels = o->shape.dim[1], p = at % inner, c = at / inner % channels,
            n = at / inner / channels;
    return ((n * ((channels + block - 1) / block) + c / block) * inner + p) * block + c % block;
}

static int64_t guard_stored(const xi_operand *o)
{
    int64_t n = 0;
    return xi_layout_count(o->layout, &o->shape, &n) ? n : 0;
}

/* The caller's tensors may stand anywhere, blocked ones are the arena's. */
static void guard_give_memory(xi_operand *o)
{
    o->data = guard_alloc((size_t)guard_stored(o) * 4, o->layout == XI_LAYOUT_ROW ? 4 : 64);
}

static void guard_fill(xi_operand *o, const float *rows)
{
    guard_give_memory(o);
    memset(o->data, 0, (size_t)guard_stored(o) * 4);
    for (int64_t i = 0; i < o->count; i++) ((float *)o->data)[guard_place(o, i)] = rows[i];
}

/* A constant, in rows. */
static void guard_copy(xi_operand *o, const void *data)
{
    size_t size = (size_t)o->count * xinf_dtype_size(o->dtype);
    o->data = memcpy(guard_alloc(size, xinf_dtype_size(o->dtype)), data, size);
}

/* ---- one kernel on one node ---- */

typedef struct guard_run {
    const xi_node *node;
    const xi_kernel *kernel;
    const float *const *rows; /* per input that is not constant */
    int32_t given;            /* layout of inputs of four axes as their producer gave them */
    int32_t width;
    xi_operand in_storage[GUARD_OPERANDS], out_storage[GUARD_OPERANDS];
    xi_operand *in[GUARD_OPERANDS], *out[GUARD_OPERANDS];
    int32_t in_layout[GUARD_OPERANDS], out_layout[GUARD_OPERANDS];
    _Alignas(16) uint8_t params[XI_PARAMS_SIZE];
    double best_ns;
    uint64_t flops;
} guard_run;

static xi_operand guard_operand(const xi_value *v)
{
    xi_operand o = {.dtype = v->type.dtype, .shape = v->type.shape, .kind = XINF_KIND_TENSOR};
    xi_shape_count(&o.shape, &o.count);
    if (v->literal) o.data = (void *)(uintptr_t)v->literal->data;
    return o;
}

static void guard_shuffle(int32_t *list, int32_t count)
{
    for (int32_t i = count - 1; i > 0; i--) {
        int32_t k = (int32_t)guard_pick(0, i), t = list[i];
        list[i] = list[k];
        list[k] = t;
    }
}

static xinf_status guard_execute(guard_run *r, const xi_extent *e, void *packed, xinf_error *err)
{
    xinf_allocator alloc = xi_allocator_default();
    void *scratch = guard_alloc(e->scratch, 64), *shared = guard_alloc(e->shared, 64);
    xi_call call = {.params = r->params,
                    .node = r->node,
                    .in_count = r->node->input_count,
                    .out_count = r->node->output_count,
                    .in = r->in,
                    .out = r->out,
                    .packed = packed,
                    .shared = shared,
                    .width = r->width,
                    .alloc = &alloc};
    xinf_status status = XINF_OK;
    for (int32_t phase = 0; phase < e->phases && status == XINF_OK; phase++) {
        int32_t count = e->chunks[phase], *order = malloc(((size_t)count + 1) * sizeof *order);
        if (!order) exit(99);
        for (int32_t i = 0; i < count; i++) order[i] = i;
        guard_shuffle(order, count);
        for (int32_t i = 0; i < count && status == XINF_OK; i++) {
            if (e->scratch) memset(scratch, 0xff, e->scratch);
            status = r->kernel->run(&call, phase, order[i], scratch, err);
        }
        free(order);
    }
    return status;
}

/* Again and again on the same memory, for --bench: the shortest. */
static void guard_time(guard_run *r, const xi_extent *e, void *packed)
{
    xinf_error err = XINF_ERROR_INIT;
    r->best_ns = 1e18;
    r->flops = e->flops;
    for (int i = 0; i < 20; i++) {
        struct timespec a, b;
        int blocks = guard_block_count;
        clock_gettime(CLOCK_MONOTONIC, &a);
        guard_execute(r, e, packed, &err);
        clock_gettime(CLOCK_MONOTONIC, &b);
        double ns = (double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec);
        if (ns < r->best_ns) r->best_ns = ns;
        while (guard_block_count > blocks) {
            guard_block g = guard_blocks[--guard_block_count];
            munmap(g.base, g.mapped);
        }
    }
}

/* prepare, pack, extent, run. XINF_UNSUPPORTED when the kernel does not take the node. */
static xinf_status guard_kernel(guard_run *r, bool timed, xinf_error *err)
{
    xinf_status status = XINF_OK;
    const xi_node *n = r->node;
    for (int32_t i = 0; i < n->input_count; i++) {
        if (!n->inputs[i]) continue;
        r->in_storage[i] = guard_operand(n->inputs[i]);
        if (!n->inputs[i]->literal && r->in_storage[i].shape.rank == 4)
            r->in_storage[i].layout = r->given;
        r->in[i] = &r->in_storage[i];
    }
    for (int32_t i = 0; i < n->output_count; i++) {
        if (!n->outputs[i]) continue;
        r->out_storage[i] = guard_operand(n->outputs[i]);
        r->out[i] = &r->out_storage[i];
    }
    xi_prepare p = {.node = n,
                    .in_count = n->input_count,
                    .out_count = n->output_count,
                    .in = (const xi_operand *const *)r->in,
                    .out = (const xi_operand *const *)r->out,
                    .isa = UINT32_MAX,
                    .width = r->width,
                    .params = r->params,
                    .in_layout = r->in_layout,
                    .out_layout = r->out_layout};
    if (r->kernel->prepare) status = r->kernel->prepare(&p, err);
    if (status != XINF_OK) return status;
    void *packed = NULL;
    if (p.packed_size) {
        packed = guard_alloc(p.packed_size, 64);
        memset(packed, 0, p.packed_size);
        status = r->kernel->pack(r->params, n, (const xi_operand *const *)r->in, packed, err);
        if (status != XINF_OK) return status;
    }
    uint32_t dropped = p.packed_size ? p.packed_inputs : 0;
    for (int32_t i = 0; i < n->input_count; i++) {
        if (!r->in[i] || dropped >> i & 1) continue;
        r->in[i]->layout = r->in_layout[i];
        if (r->in[i]->data)
            guard_copy(r->in[i], r->in[i]->data);
        else
            guard_fill(r->in[i], r->rows[i]);
    }
    for (int32_t i = 0; i < n->output_count; i++) {
        if (!r->out[i]) continue;
        r->out[i]->layout = r->out_layout[i];
        guard_give_memory(r->out[i]);
    }
    xi_extent e = {.phases = 1, .chunks = {1, 1, 1, 1}};
    if (r->kernel->extent) status = r->kernel->extent(r->params, r->in, r->out, r->width, &e, err);
    /* What only pack needed is there when sizes are found, and gone when it runs. */
    for (int32_t i = 0; i < n->input_count; i++)
        if (dropped >> i & 1) r->in[i] = NULL;
    if (status == XINF_OK) status = guard_execute(r, &e, packed, err);
    if (status == XINF_OK && timed) guard_time(r, &e, packed);
    return status;
}

/* ---- comparing ---- */

static const char *guard_case;
static float guard_amplitude; /* of the case's inputs: sums of many products must not drown in an
                                 activation that cuts */
static float guard_offset;    /* added to them: a mean must not be next to nothing */

static void guard_check(bool ok, const xi_kernel *k, const char *what)
{
    guard_passed += ok;
    guard_failed += !ok;
    if (!ok) printf("%s: %s\n  %s\n", k->name, what, guard_case);
}

static bool guard_near(const xi_operand *got, const xi_operand *want, double tolerance, double *off)
{
    double most = 0, worst = 0;
    for (int64_t i = 0; i < want->count; i++) {
        double w = (double)((const float *)want->data)[guard_place(want, i)],
               d = fabs((double)((const float *)got->data)[guard_place(got, i)] - w);
        most = fabs(w) > most ? fabs(w) : most;
        if (!(d <= worst)) worst = d; /* NaN too */
    }
    *off = most > 0 ? worst / most : worst;
    return worst <= tolerance * most || worst == 0;
}

/* Are the channels that only fill the last block zero? */
static bool guard_padding(const xi_operand *o)
{
    int64_t block = xi_layout_block(o->layout), stored = guard_stored(o), inner = 1;
    if (block == 1) return true;
    for (int32_t i = 2; i < o->shape.rank; i++) inner *= o->shape.dim[i];
    int64_t groups = (o->shape.dim[1] + block - 1) / block;
    for (int64_t i = 0; i < stored; i++) {
        int64_t c = i / block / inner % groups * block + i % block;
        if (c >= o->shape.dim[1] && ((const float *)o->data)[i] != 0) return false;
    }
    return true;
}

static guard_run guard_truth, guard_first, guard_other;

static void guard_compare(const xi_kernel *k, double tolerance)
{
    for (int32_t i = 0; i < guard_truth.node->output_count; i++) {
        double off;
        if (!guard_truth.out[i]) continue;
        bool near = guard_near(guard_first.out[i], guard_truth.out[i], tolerance, &off);
        guard_check(near, k, "it differs from the portable kernel");
        if (!near) printf("  output %d by %.2e, %.0e is allowed\n", (int)i, off, tolerance);
        guard_check(guard_padding(guard_first.out[i]), k,
                    "channels that only fill a block are not zero");
    }
    for (int32_t width = 2; width <= 8; width *= 4) {
        xinf_error err = XINF_ERROR_INIT;
        guard_other = (guard_run){.node = guard_first.node,
                                  .kernel = k,
                                  .rows = guard_first.rows,
                                  .given = guard_first.given,
                                  .width = width};
        bool ran = guard_kernel(&guard_other, false, &err) == XINF_OK, same = ran;
        for (int32_t i = 0; i < guard_truth.node->output_count && same; i++)
            if (guard_first.out[i])
                same = memcmp(guard_first.out[i]->data, guard_other.out[i]->data,
                              (size_t)guard_stored(guard_first.out[i]) * 4) == 0;
        guard_check(same, k, ran ? "the number of workers changes the result" : err.message);
    }
}

/* ---- the table ---- */

static const xi_kernel *guard_kernels[GUARD_KERNELS];
static int guard_reached[GUARD_KERNELS], guard_kernel_count;

static void guard_collect(uint32_t isa)
{
    for (const xi_kernel *const *const *group = xi_cpu_kernels.groups; *group; group++)
        for (const xi_kernel *const *table = *group; *table; table++)
            for (const xi_kernel *k = *table; k->op; k++)
                if (k->isa && (k->isa & isa) == k->isa && guard_kernel_count < GUARD_KERNELS)
                    guard_kernels[guard_kernel_count++] = k;
}

typedef struct guard_options {
    const char *filter, *document;
    int rounds;
    bool list, bench;
} guard_options;

static bool guard_serves(const xi_kernel *k, const xi_node *n)
{
    return xi_str_is(n->op_name, k->op) && xi_str_is(n->domain, k->domain ? k->domain : "");
}

/* Every vector kernel that takes the node, for inputs in rows and in blocks. */
static void guard_node(const xi_node *n, const float *const *rows, const guard_options *o)
{
    xinf_error err = XINF_ERROR_INIT;
    const xi_kernel *portable;
    guard_truth = (guard_run){.node = n, .rows = rows, .width = 1};
    bool found = false;
    for (const xi_kernel *const *const *group = xi_cpu_kernels.groups; *group && !found; group++)
        for (const xi_kernel *const *table = *group; *table && !found; table++)
            for (const xi_kernel *k = *table; k->op && !found; k++) {
                if (k->isa || !guard_serves(k, n)) continue;
                portable = k;
                guard_truth = (guard_run){.node = n, .rows = rows, .width = 1, .kernel = portable};
                found = guard_kernel(&guard_truth, false, &err) == XINF_OK;
            }
    if (!found) {
        printf("no portable kernel: %s\n  %s\n", err.message, guard_case);
        guard_failed++;
        return;
    }
    for (int i = 0; i < guard_kernel_count; i++) {
        const xi_kernel *k = guard_kernels[i];
        if (!guard_serves(k, n) || (o->filter && !strstr(k->name, o->filter))) continue;
        for (int32_t given = XI_LAYOUT_ROW; given <= XI_LAYOUT_C8; given++) {
            int blocks = guard_block_count;
            guard_first = (guard_run){
                .node = n, .kernel = k, .rows = rows, .given = given, .width = 1};
            xinf_status status = guard_kernel(&guard_first, o->bench, &err);
            if (status == XINF_OK) {
                guard_reached[i]++;
                guard_compare(k, (double)n->op->tolerance);
                if (o->bench)
                    printf("%9.1f us %7.1f GFLOP/s  %s%s  %s\n", guard_first.best_ns / 1e3,
                           (double)guard_first.flops / guard_first.best_ns, k->name,
                           given ? " (blocked)" : "", guard_case);
            } else if (status != XINF_UNSUPPORTED) {
                guard_check(false, k, err.message);
            }
            while (guard_block_count > blocks) {
                guard_block g = guard_blocks[--guard_block_count];
                munmap(g.base, g.mapped);
            }
        }
    }
}

static void guard_text(const char *body, const guard_options *o)
{
    xinf_allocator alloc = xi_allocator_default();
    xinf_error err = XINF_ERROR_INIT;
    xi_family *family = NULL;
    xi_graph *g = NULL;
    static char text[4096];
    float *rows[GUARD_OPERANDS] = {NULL};
    guard_case = body;
    snprintf(text, sizeof text, "graph \"g\" { %s }", body);
    if (xi_family_create(&family, &alloc, 0, &err) != XINF_OK ||
        xi_graph_parse(&g, family, xi_str_of(text), &err) != XINF_OK ||
        xi_graph_infer(g, &err) != XINF_OK || !g->first || g->first->next ||
        g->first->input_count > GUARD_OPERANDS) {
        printf("%s\n  %s\n", err.message, body);
        guard_failed++;
        goto cleanup;
    }
    for (int32_t i = 0; i < g->first->input_count; i++) {
        const xi_value *v = g->first->inputs[i];
        int64_t count = 0;
        if (!v || v->literal) continue;
        if (!xi_shape_count(&v->type.shape, &count)) exit(99);
        rows[i] = malloc((size_t)count * 4 + 4);
        if (!rows[i]) exit(99);
        for (int64_t k = 0; k < count; k++)
            rows[i][k] = guard_offset +
                         guard_amplitude * ((float)guard_random() / 2147483648.0f - 1.0f);
    }
    guard_node(g->first, (const float *const *)rows, o);
cleanup:
    guard_free_all();
    for (int i = 0; i < GUARD_OPERANDS; i++) free(rows[i]);
    xi_family_destroy(family);
}

/* ---- cases: the text of one node each ---- */

#define LL(x) ((long long)(x))

static const char *guard_activation(char *to, size_t size)
{
    static const char *const names[] = {"Relu",      "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid",
                                        "HardSwish", "Tanh",      "Gelu", "Swish"};
    static const char *const params[] = {"", "0.2", "-0.5, 0.75", "",   "0.2, 0.5",
                                         "", "",    "",           "1.0"};
    int64_t i = guard_pick(-2, 8);
    to[0] = 0;
    if (i < 0) return to;
    if (params[i][0])
        snprintf(to, size, ", activation = \"%s\", activation_params = floats [%s]", names[i],
                 params[i]);
    else
        snprintf(to, size, ", activation = \"%s\"", names[i]);
    return to;
}

static void case_conv(char *to, size_t size, int round)
{
    char act[128];
    bool depthwise = round % 4 == 1, three = round % 4 >= 2;
    int64_t k = three ? 3 : guard_pick(1, 7), k2 = guard_pick(0, 3) ? k : guard_pick(1, 5),
            s = three && guard_pick(0, 3) ? 1 : guard_pick(1, 3);
    int64_t d = guard_pick(0, 5) ? 1 : 2,
            ic = guard_pick(0, 4) ? guard_pick(8, 70) : guard_pick(1, 7),
            oc = depthwise ? (ic < 8 ? 8 : ic) : guard_pick(8, 90);
    int64_t n = guard_pick(1, 2), h = guard_pick((k - 1) * d + 1, 40),
            w = guard_pick((k2 - 1) * d + 1, 40), pads[4];
    if (depthwise) ic = oc;
    for (int i = 0; i < 4; i++)
        pads[i] = guard_pick(0, 1) ? (i % 2 ? k2 : k) / 2 : guard_pick(0, 2);
    int64_t oh = (h + pads[0] + pads[2] - (k - 1) * d - 1) / s + 1,
            ow = (w + pads[1] + pads[3] - (k2 - 1) * d - 1) / s + 1;
    bool fused = guard_pick(0, 2) != 0, bias = guard_pick(0, 3) != 0,
         residual = fused && guard_pick(0, 1);
    guard_amplitude = 6.0f / sqrtf((float)((depthwise ? 1 : ic) * k * k2));
    char skip[96] = "";
    if (residual)
        snprintf(skip, sizeof skip, "input %%r : f32[%lld,%lld,%lld,%lld]", LL(n), LL(oc), LL(oh),
                 LL(ow));
    snprintf(to, size,
             "input %%x : f32[%lld,%lld,%lld,%lld] const %%w : f32[%lld,%lld,%lld,%lld] = "
             "random(%d) const %%b : f32[%lld] = random(5) %s"
             " %%y : f32[*] = %s(%%x, %%w%s%s) {group = %lld, strides = [%lld, %lld], dilations = "
             "[%lld, %lld], pads = [%lld, %lld, %lld, %lld]%s} output %%y",
             LL(n), LL(ic), LL(h), LL(w), LL(oc), LL(depthwise ? 1 : ic), LL(k), LL(k2), round,
             LL(oc), skip, fused ? "xinf.FusedConv" : "Conv",
             bias       ? ", %b"
             : residual ? ", _"
                        : "",
             residual ? ", %r" : "", LL(depthwise ? oc : 1), LL(s), LL(s), LL(d), LL(d),
             LL(pads[0]), LL(pads[1]), LL(pads[2]), LL(pads[3]),
             fused ? guard_activation(act, sizeof act) : "");
}

static void case_upsample(char *to, size_t size, int round)
{
    int64_t k = guard_pick(1, 4), ic = guard_pick(8, 40), oc = guard_pick(8, 40);
    snprintf(to, size,
             "input %%x : f32[%lld,%lld,%lld,%lld] const %%w : f32[%lld,%lld,%lld,%lld] = "
             "random(%d) const %%b : f32[%lld] = random(3)"
             " %%y : f32[*] = ConvTranspose(%%x, %%w%s) {strides = [%lld, %lld]} output %%y",
             LL(guard_pick(1, 2)), LL(ic), LL(guard_pick(1, 15)), LL(guard_pick(1, 15)), LL(ic),
             LL(oc), LL(k), LL(k), round, LL(oc), guard_pick(0, 1) ? ", %b" : "", LL(k), LL(k));
}

static void case_phases(char *to, size_t size, int round)
{
    int64_t kh = guard_pick(1, 5), kw = guard_pick(1, 5), sh = guard_pick(1, 4),
            sw = guard_pick(1, 3), ic = guard_pick(8, 30), oc = guard_pick(1, 40);
    int64_t top = guard_pick(0, (kh - 1) / 2), left = guard_pick(0, (kw - 1) / 2),
            h = guard_pick(2, 15), w = guard_pick(2, 15);
    guard_amplitude = 3.0f;
    if (round % 4 == 0) {
        snprintf(to, size,
                 "input %%x : f32[%lld,%lld,%lld] const %%w : f32[%lld,%lld,%lld] = random(%d) %%y "
                 ": f32[*] = ConvTranspose(%%x, %%w)"
                 " {strides = [%lld], pads = [%lld, %lld], output_padding = [%lld]} output %%y",
                 LL(guard_pick(1, 2)), LL(ic), LL(w), LL(ic), LL(oc), LL(kw), round, LL(sw),
                 LL(left), LL(left), LL(guard_pick(0, sw - 1)));
        return;
    }
    snprintf(to, size,
             "input %%x : f32[%lld,%lld,%lld,%lld] const %%w : f32[%lld,%lld,%lld,%lld] = "
             "random(%d) const %%b : f32[%lld] = random(3)"
             " %%y : f32[*] = ConvTranspose(%%x, %%w%s) {strides = [%lld, %lld], pads = [%lld, "
             "%lld, %lld, %lld], output_padding = [%lld, %lld]} output %%y",
             LL(guard_pick(1, 2)), LL(ic), LL(h), LL(w), LL(ic), LL(oc), LL(kh), LL(kw), round,
             LL(oc), guard_pick(0, 1) ? ", %b" : "", LL(sh), LL(sw), LL(top), LL(left),
             LL(guard_pick(0, (kh - 1) / 2)), LL(left), LL(guard_pick(0, sh - 1)),
             LL(guard_pick(0, sw - 1)));
}

static void case_matmul(char *to, size_t size, int round)
{
    char act[128], extra[160] = "", attrs[256] = "";
    int64_t m = guard_pick(1, 60), n = guard_pick(1, 120), k = guard_pick(1, 150);
    guard_amplitude = 6.0f / sqrtf((float)k);
    bool constant = guard_pick(0, 2) != 0, ta, tb;
    int kind = round % 3; /* MatMul, Gemm, xinf.FusedMatMul */
    ta = kind == 1 && guard_pick(0, 1), tb = kind && guard_pick(0, 1);
    bool bias = kind && guard_pick(0, 1), residual = kind == 2 && guard_pick(0, 1);
    if (bias) snprintf(extra, sizeof extra, "const %%b : f32[%lld] = random(2)", LL(n));
    if (residual)
        snprintf(extra + strlen(extra), sizeof extra - strlen(extra), " input %%r : f32[%lld,%lld]",
                 LL(m), LL(n));
    if (kind)
        snprintf(attrs, sizeof attrs, "{transA = %d, transB = %d, alpha = %s%s}", ta, tb,
                 guard_pick(0, 1) ? "0.5" : "1.0",
                 kind == 2 ? guard_activation(act, sizeof act) : "");
    if (kind == 0 && guard_pick(0, 2) == 0) { /* batches */
        int64_t b = guard_pick(1, 3);
        snprintf(to, size,
                 "input %%x : f32[%lld,%lld,%lld] input %%w : f32[%lld,%lld,%lld] %%y : f32[*] = "
                 "MatMul(%%x, %%w) output %%y",
                 LL(b), LL(m), LL(k), LL(b), LL(k), LL(n));
        return;
    }
    snprintf(to, size,
             "input %%x : f32[%lld,%lld] %s %%w : f32[%lld,%lld]%s %s %%y : f32[*] = %s(%%x, "
             "%%w%s%s) %s output %%y",
             LL(ta ? k : m), LL(ta ? m : k), constant ? "const" : "input", LL(tb ? n : k),
             LL(tb ? k : n), constant ? " = random(9)" : "", extra,
             kind == 0   ? "MatMul"
             : kind == 1 ? "Gemm"
                         : "xinf.FusedMatMul",
             bias       ? ", %b"
             : residual ? ", _"
                        : "",
             residual ? ", %r" : "", attrs);
}

static void case_elementwise(char *to, size_t size, int round)
{
    static const char *const unary[] = {"Relu(%x)",
                                        "LeakyRelu(%x) {alpha = 0.1}",
                                        "Clip(%x, %lo, %hi)",
                                        "Sigmoid(%x)",
                                        "HardSigmoid(%x)",
                                        "HardSwish(%x)",
                                        "Tanh(%x)",
                                        "Gelu(%x)",
                                        "Gelu(%x) {approximate = \"tanh\"}",
                                        "Swish(%x) {alpha = 1.25}"};
    static const char *const binary[] = {"Add", "Sub", "Mul", "Div"};
    int64_t n = guard_pick(1, 3), c = guard_pick(1, 20), h = guard_pick(1, 9), w = guard_pick(1, 9);
    if (round % 2) {
        snprintf(to, size,
                 "input %%x : f32[%lld,%lld,%lld,%lld] const %%lo : f32[] = [-0.5] const %%hi : "
                 "f32[] = [0.75] %%y : f32[*] = %s output %%y",
                 LL(n), LL(c), LL(h), LL(w), unary[guard_pick(0, 9)]);
        return;
    }
    char other[64];
    switch (guard_pick(0, 4)) { /* the same, per channel, last axis, a number, whole rows */
    case 0:
        snprintf(other, sizeof other, "f32[%lld,%lld,%lld,%lld]", LL(n), LL(c), LL(h), LL(w));
        break;
    case 1: snprintf(other, sizeof other, "f32[1,%lld,1,1]", LL(c)); break;
    case 2: snprintf(other, sizeof other, "f32[%lld]", LL(w)); break;
    case 3: snprintf(other, sizeof other, "f32[]"); break;
    default: snprintf(other, sizeof other, "f32[%lld,%lld,1,1]", LL(n), LL(c)); break;
    }
    bool swap = guard_pick(0, 3) == 0;
    snprintf(to, size,
             "input %%x : f32[%lld,%lld,%lld,%lld] input %%z : %s %%y : f32[*] = %s(%s) output %%y",
             LL(n), LL(c), LL(h), LL(w), other, binary[guard_pick(0, 3)],
             swap ? "%z, %x" : "%x, %z");
}

static void case_rows(char *to, size_t size, int round)
{
    int64_t a = guard_pick(1, 9), b = guard_pick(1, 200);
    static const char *const softmax[] = {"Softmax", "LogSoftmax"};
    if (round % 3 == 0) {
        snprintf(to, size,
                 "input %%x : f32[%lld,%lld] %%y : f32[*] = %s(%%x) {axis = -1} output %%y", LL(a),
                 LL(b), softmax[guard_pick(0, 1)]);
        return;
    }
    bool bias = guard_pick(0, 1), skip = round % 3 == 1, sum = skip && guard_pick(0, 1);
    snprintf(to, size,
             "input %%x : f32[2,%lld,%lld] const %%g : f32[%lld] = random(1) const %%b : f32[%lld] "
             "= random(2)"
             " %%y : f32[*]%s = %s(%%x%s, %%g%s) {epsilon = 0.01} output %%y%s",
             LL(a), LL(b), LL(b), LL(b), sum ? ", %s : f32[*]" : "",
             skip ? "xinf.SkipLayerNormalization" : "LayerNormalization", skip ? ", %x" : "",
             bias ? ", %b" : "", sum ? " output %s" : "");
}

static void case_pool(char *to, size_t size, int round)
{
    int64_t k = guard_pick(1, 4), s = guard_pick(1, 3), p = guard_pick(0, k / 2);
    char shape[64];
    guard_offset = 1;
    snprintf(shape, sizeof shape, "f32[%lld,%lld,%lld,%lld]", LL(guard_pick(1, 2)),
             LL(guard_pick(1, 30)), LL(guard_pick(k, 20)), LL(guard_pick(k, 20)));
    if (round % 3 == 0) {
        snprintf(to, size, "input %%x : %s %%y : f32[*] = GlobalAveragePool(%%x) output %%y",
                 shape);
        return;
    }
    snprintf(to, size,
             "input %%x : %s %%y : f32[*] = %s(%%x) {kernel_shape = [%lld, %lld], strides = [%lld, "
             "%lld], pads = [%lld, %lld, %lld, %lld]%s} output %%y",
             shape, round % 3 == 1 ? "MaxPool" : "AveragePool", LL(k), LL(k), LL(s), LL(s), LL(p),
             LL(p), LL(p), LL(p),
             round % 3 == 2 && guard_pick(0, 1) ? ", count_include_pad = 1" : "");
}

static void case_concat(char *to, size_t size, int round)
{
    int64_t n = guard_pick(1, 3), h = guard_pick(1, 9), w = guard_pick(1, 9);
    snprintf(to, size,
             "input %%a : f32[%lld,%lld,%lld,%lld] input %%b : f32[%lld,%lld,%lld,%lld] input %%c "
             ": f32[%lld,%lld,%lld,%lld]"
             " %%y : f32[*] = Concat(%%a, %%b, %%c) {axis = 1} output %%y",
             LL(n), LL(8 * guard_pick(1, 3)), LL(h), LL(w), LL(n), LL(8 * guard_pick(1, 3)), LL(h),
             LL(w), LL(n), LL(guard_pick(1, 20)), LL(h), LL(w));
}

static void case_attention(char *to, size_t size, int round)
{
    int64_t b = guard_pick(1, 2), heads = guard_pick(1, 3), q = guard_pick(1, 40),
            k = guard_pick(1, 70), d = guard_pick(1, 70), v = guard_pick(1, 40);
    bool turned = guard_pick(0, 1), mask = guard_pick(0, 1);
    char extra[96] = "";
    if (mask)
        snprintf(extra, sizeof extra, "input %%m : f32[%lld,1,%lld,%lld]",
                 LL(guard_pick(0, 1) ? b : 1), LL(guard_pick(0, 1) ? q : 1), LL(k));
    snprintf(to, size,
             "input %%q : f32[%lld,%lld,%lld,%lld] input %%k : f32[%lld,%lld,%lld,%lld] input %%v "
             ": f32[%lld,%lld,%lld,%lld] %s"
             " %%y : f32[*] = xinf.Attention(%%q, %%k, %%v%s) {scale = 0.25, k_transposed = %d} "
             "output %%y",
             LL(b), LL(heads), LL(q), LL(d), LL(b), LL(heads), LL(turned ? d : k),
             LL(turned ? k : d), LL(b), LL(heads), LL(k), LL(v), extra, mask ? ", %m" : "", turned);
}

static void case_lstm(char *to, size_t size, int round)
{
    int64_t hidden = 16 * guard_pick(1, 4), input = guard_pick(1, 50), batch = guard_pick(1, 3),
            steps = guard_pick(1, 9);
    int64_t kind = guard_pick(0, 2), directions = kind == 2 ? 2 : 1;
    static const char *const names[] = {"forward", "reverse", "bidirectional"};
    snprintf(to, size,
             "input %%x : f32[%lld,%lld,%lld] const %%w : f32[%lld,%lld,%lld] = random(1) const "
             "%%r : f32[%lld,%lld,%lld] = random(2)"
             " const %%b : f32[%lld,%lld] = random(3) %%y : f32[*], %%h : f32[*], %%c : f32[*] = "
             "LSTM(%%x, %%w, %%r%s)"
             " {hidden_size = %lld, direction = \"%s\"} output %%y output %%h output %%c",
             LL(steps), LL(batch), LL(input), LL(directions), LL(4 * hidden), LL(input),
             LL(directions), LL(4 * hidden), LL(hidden), LL(directions), LL(8 * hidden),
             guard_pick(0, 1) ? ", %b" : "", LL(hidden), names[kind]);
}

static void case_gru(char *to, size_t size, int round)
{
    int64_t hidden = 8 * guard_pick(1, 9), input = guard_pick(1, 50), batch = guard_pick(1, 3),
            steps = guard_pick(1, 9);
    int64_t kind = guard_pick(0, 2), directions = kind == 2 ? 2 : 1;
    static const char *const names[] = {"forward", "reverse", "bidirectional"};
    snprintf(
        to, size,
        "input %%x : f32[%lld,%lld,%lld] const %%w : f32[%lld,%lld,%lld] = random(1) const %%r : "
        "f32[%lld,%lld,%lld] = random(2)"
        " const %%b : f32[%lld,%lld] = random(3) %%y : f32[*], %%h : f32[*] = GRU(%%x, %%w, %%r%s)"
        " {hidden_size = %lld, linear_before_reset = %d, direction = \"%s\"} output %%y output %%h",
        LL(steps), LL(batch), LL(input), LL(directions), LL(3 * hidden), LL(input), LL(directions),
        LL(3 * hidden), LL(hidden), LL(directions), LL(6 * hidden), guard_pick(0, 1) ? ", %b" : "",
        LL(hidden), (int)guard_pick(0, 1), names[kind]);
}

static void case_transpose(char *to, size_t size, int round)
{
    int64_t c = 8 * guard_pick(1, 5);
    bool last = round % 2;
    snprintf(to, size,
             "input %%x : f32[%lld,%lld,%lld,%lld] %%y : f32[*] = Transpose(%%x) {perm = [0, %s]} "
             "output %%y",
             LL(guard_pick(1, 3)), LL(last ? c : guard_pick(1, 30)), LL(guard_pick(1, 30)),
             LL(last ? guard_pick(1, 30) : c), last ? "2, 3, 1" : "3, 1, 2");
}

/* Sums are exact: the tolerance is 0. */
static void case_quantized(char *to, size_t size, int round)
{
    int64_t m = guard_pick(1, 140), n = guard_pick(1, 70),
            k = round % 7 == 6 ? guard_pick(300, 700) : guard_pick(1, 100);
    bool turned = guard_pick(0, 1), each = guard_pick(0, 3) != 0;
    snprintf(to, size,
             "input %%x : f32[%lld,%lld] const %%w : %s[%lld,%lld] = random(%d) const %%s : "
             "f32[%s] = %s const %%b : f32[%lld] = random(4)"
             " %%y : f32[*] = xinf.QuantizedMatMul(%%x, %%w, %%s%s) {transB = %d} output %%y",
             LL(m), LL(k), round % 2 ? "i4" : "i8", LL(turned ? n : k), LL(turned ? k : n), round,
             each ? "N" : "", each ? "random(3)" : "[0.01]", LL(n), guard_pick(0, 1) ? ", %b" : "",
             turned);
    char *number = strstr(to, "f32[N]"), columns[16];
    if (!number) return;
    int length = snprintf(columns, sizeof columns, "%lld", LL(n));
    memmove(number + 4 + length, number + 5, strlen(number + 5) + 1);
    memcpy(number + 4, columns, (size_t)length);
}

/* ---- the kernel that turns layouts has no node ---- */

static void guard_reorder(const guard_options *o)
{
    for (int i = 0; i < guard_kernel_count; i++) {
        const xi_kernel *k = guard_kernels[i];
        if (strcmp(k->op, "Reorder") != 0 || (o->filter && !strstr(k->name, o->filter))) continue;
        for (int round = 0; round < o->rounds; round++) {
            xinf_error err = XINF_ERROR_INIT;
            xi_extent e = {.phases = 1, .chunks = {1, 1, 1, 1}};
            xi_shape shape = xi_shape_of(4, (int64_t[]){guard_pick(1, 3), guard_pick(1, 40),
                                                        guard_pick(1, 12), guard_pick(1, 12)});
            bool back = round % 2;
            guard_run *r = &guard_first;
            *r = (guard_run){.kernel = k, .width = 1};
            xi_node none = {.input_count = 1, .output_count = 1};
            r->node = &none;
            r->in_storage[0] = r->out_storage[0] = (xi_operand){
                .dtype = XINF_FLOAT32, .shape = shape, .kind = XINF_KIND_TENSOR};
            r->in[0] = &r->in_storage[0], r->out[0] = &r->out_storage[0];
            xi_shape_count(&shape, &r->in[0]->count);
            r->out[0]->count = r->in[0]->count;
            r->in[0]->layout = back ? XI_LAYOUT_C8 : XI_LAYOUT_ROW;
            r->out[0]->layout = back ? XI_LAYOUT_ROW : XI_LAYOUT_C8;
            float *rows = malloc((size_t)r->in[0]->count * 4);
            if (!rows) exit(99);
            for (int64_t n = 0; n < r->in[0]->count; n++) rows[n] = (float)guard_random();
            guard_fill(r->in[0], rows);
            guard_give_memory(r->out[0]);
            guard_case = back ? "from blocks" : "to blocks";
            bool ran = k->extent(r->params, r->in, r->out, 1, &e, &err) == XINF_OK &&
                       guard_execute(r, &e, NULL, &err) == XINF_OK,
                 same = ran;
            for (int64_t n = 0; n < r->in[0]->count && same; n++)
                same = ((float *)r->out[0]->data)[guard_place(r->out[0], n)] == rows[n];
            guard_check(same && guard_padding(r->out[0]), k,
                        ran ? "an element is lost" : err.message);
            guard_reached[i]++;
            free(rows);
            guard_free_all();
        }
    }
}

static void (*const guard_cases[])(char *to, size_t size, int round) = {
    case_quantized, case_conv,      case_upsample, case_matmul,    case_elementwise,
    case_rows,      case_pool,      case_concat,   case_attention, case_lstm,
    case_gru,       case_transpose, case_phases};

/* Is the name in the document? */
static bool guard_documented(const char *path, const char *name)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    return strstr(text, name) != NULL;
}

static void guard_finish(const guard_options *o)
{
    for (int i = 0; i < guard_kernel_count; i++) {
        const xi_kernel *k = guard_kernels[i];
        guard_case = "see docs/adding-an-operator.md";
        if (!o->filter) guard_check(guard_reached[i] > 0, k, "no case reached it");
        if (o->document)
            guard_check(guard_documented(o->document, k->name), k,
                        "docs/isa-coverage.md does not name it");
    }
}

static bool guard_parse(guard_options *o, int argc, char **argv)
{
    *o = (guard_options){.rounds = 60};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list"))
            o->list = true;
        else if (!strcmp(argv[i], "--bench"))
            o->bench = true;
        else if (!strcmp(argv[i], "--filter") && i + 1 < argc)
            o->filter = argv[++i];
        else if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
            o->rounds = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            guard_state ^= strtoull(argv[++i], NULL, 10) * 0x9e3779b97f4a7c15u;
        else if (argv[i][0] != '-')
            o->document = argv[i];
        else
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    guard_options o;
    xi_cpu cpu;
    static char text[2048];
    if (!guard_parse(&o, argc, argv)) {
        fprintf(stderr, "usage: test-guard [--list] [--bench] [--filter PART] [--rounds N] [--seed "
                        "N] [DOCUMENT]\n");
        return 2;
    }
    xi_cpu_query(&cpu);
    guard_collect(cpu.isa);
    if (o.list) {
        for (int i = 0; i < guard_kernel_count; i++) printf("%s\n", guard_kernels[i]->name);
        return 0;
    }
    if (guard_kernel_count == 0) {
        printf("no vector kernel runs on this processor\n");
        return 77;
    }
    for (size_t family = 0; family < sizeof guard_cases / sizeof *guard_cases; family++)
        for (int round = 0; round < o.rounds; round++) {
            guard_amplitude = 2;
            guard_offset = 0;
            guard_cases[family](text, sizeof text, round);
            guard_text(text, &o);
        }
    guard_reorder(&o);
    guard_finish(&o);
    printf("%d passed, %d failed, 0 skipped\n", guard_passed, guard_failed);
    return guard_failed != 0;
}
