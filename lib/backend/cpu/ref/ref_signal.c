/* ref_signal.c — DFT, STFT, MelWeightMatrix and the window functions, in double. */
#include <math.h>

#include "backend/cpu/ref/fourier.h"
#include "backend/cpu/ref/ref_block.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_signal[];

static const double signal_pi = 3.14159265358979323846;

static const xi_operand *ref_signal_in(const xi_call *call, int32_t i)
{
    return i < call->in_count ? call->in[i] : NULL;
}

static int64_t ref_signal_int(const xi_call *call, int32_t i, int64_t fallback)
{
    const xi_operand *o = ref_signal_in(call, i);
    return o && o->count == 1 ? xi_dtype_load_i64(o->data, o->dtype, 0) : fallback;
}

static xinf_status ref_signal_prepare(xi_prepare *p, xinf_error *err)
{
    for (int32_t i = 0; i < p->in_count; i++)
        if (p->in[i] && xk_kind_of(p->in[i]->dtype) == XK_NONE)
            return xi_kernel_fail(p->node, err, XINF_UNSUPPORTED, "dtype %s",
                                  xinf_dtype_name(p->in[i]->dtype));
    return XINF_OK;
}

/* ---- DFT ---- */

/* `count` complex numbers of a tensor whose last axis holds `parts` of them, `stride` numbers
 * apart; zeros up to n. */
static void ref_signal_read(const xi_operand *x, int64_t first, int64_t stride, int64_t parts,
                            int64_t count, int64_t n, xk_complex *to)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t at = (first + k * stride) * parts;
        to[k] = (xk_complex){0, 0};
        if (k >= count) continue;
        to[k].re = xi_dtype_load_f64(x->data, x->dtype, at);
        if (parts == 2) to[k].im = xi_dtype_load_f64(x->data, x->dtype, at + 1);
    }
}

/* The half of a spectrum that is not there is the conjugate of the other; what must be real has its
 * imaginary part dropped. */
static void ref_signal_mirror(xk_complex *x, int64_t n)
{
    x[0].im = 0;
    if (n % 2 == 0) x[n / 2].im = 0;
    for (int64_t k = n / 2 + 1; k < n; k++) x[k] = (xk_complex){x[n - k].re, -x[n - k].im};
}

static xinf_status ref_signal_dft_run(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    const xi_operand *x = call->in[0], *y = call->out[0];
    bool inverse = xi_node_int(call->node, "inverse", 0) != 0,
         onesided = xi_node_int(call->node, "onesided", 0) != 0;
    xinf_status status;
    xk_fourier f = {0};
    int32_t axis, rank = x->shape.rank;
    size_t size = 0;
    xk_complex *line = NULL;
    if (y->count == 0) return XINF_OK;
    if (!xi_shape_axis(ref_signal_int(call, 2, -2), rank, &axis) || axis == rank - 1)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "the axis is out of range");
    int64_t along = x->shape.dim[axis], bins = y->shape.dim[axis], parts = x->shape.dim[rank - 1];
    int64_t n = ref_signal_int(call, 1, onesided && inverse ? 2 * (along - 1) : along);
    if (n < 1 || bins != (onesided && !inverse ? n / 2 + 1 : n))
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR, "the length is %lld", (long long)n);
    XI_TRY(xk_fourier_create(&f, call->alloc, n, inverse, err));
    if (!xi_mul_size((size_t)n, sizeof *line, &size) || !(line = xi_alloc(call->alloc, size)))
        XI_TRY(xi_fail_memory(err, size));
    int64_t outer = xi_shape_span(&x->shape, 0, axis),
            inner = xi_shape_span(&x->shape, axis + 1, rank - 1);
    double factor = inverse ? 1.0 / (double)n : 1;
    for (int64_t r = 0; r < outer * inner; r++) {
        int64_t o = r / inner, i = r % inner, used = onesided && inverse ? n / 2 + 1 : n;
        ref_signal_read(x, o * along * inner + i, inner, parts, along < used ? along : used, n,
                        line);
        if (onesided && inverse) ref_signal_mirror(line, n);
        xk_fourier_run(&f, line);
        for (int64_t k = 0; k < bins; k++) {
            int64_t to = (o * bins + k) * inner + i;
            if (onesided && inverse) {
                xi_dtype_store_f64(y->data, y->dtype, to, line[k].re * factor);
            } else {
                xi_dtype_store_f64(y->data, y->dtype, 2 * to, line[k].re * factor);
                xi_dtype_store_f64(y->data, y->dtype, 2 * to + 1, line[k].im * factor);
            }
        }
    }
cleanup:
    xi_free(call->alloc, line, size);
    xk_fourier_end(&f);
    return status;
}

/* ---- STFT ---- */

static xinf_status ref_signal_stft_run(const xi_call *call, int32_t phase, int32_t chunk,
                                       void *scratch, xinf_error *err)
{
    const xi_operand *x = call->in[0], *y = call->out[0], *window = ref_signal_in(call, 2);
    xinf_status status;
    xk_fourier f = {0};
    size_t size = 0;
    xk_complex *line = NULL;
    if (y->count == 0) return XINF_OK;
    int64_t length = x->shape.dim[1], parts = x->shape.rank == 3 ? x->shape.dim[2] : 1,
            step = ref_signal_int(call, 1, 0);
    int64_t n = ref_signal_int(call, 3, window ? window->count : length), frames = y->shape.dim[1],
            bins = y->shape.dim[2];
    bool fits = step > 0 && n > 0 && n <= length && (!window || window->count == n) &&
                frames == (length - n) / step + 1 && (bins == n || bins == n / 2 + 1);
    if (!fits)
        return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                              "frames of %lld every %lld do not fit", (long long)n,
                              (long long)step);
    XI_TRY(xk_fourier_create(&f, call->alloc, n, false, err));
    if (!xi_mul_size((size_t)n, sizeof *line, &size) || !(line = xi_alloc(call->alloc, size)))
        XI_TRY(xi_fail_memory(err, size));
    for (int64_t r = 0; r < x->shape.dim[0] * frames; r++) {
        ref_signal_read(x, r / frames * length + r % frames * step, 1, parts, n, n, line);
        for (int64_t k = 0; window && k < n; k++) {
            double w = xi_dtype_load_f64(window->data, window->dtype, k);
            line[k] = (xk_complex){line[k].re * w, line[k].im * w};
        }
        xk_fourier_run(&f, line);
        for (int64_t k = 0; k < bins; k++) {
            xi_dtype_store_f64(y->data, y->dtype, 2 * (r * bins + k), line[k].re);
            xi_dtype_store_f64(y->data, y->dtype, 2 * (r * bins + k) + 1, line[k].im);
        }
    }
cleanup:
    xi_free(call->alloc, line, size);
    xk_fourier_end(&f);
    return status;
}

/* ---- windows ---- */

static xinf_status ref_signal_window_run(const xi_call *call, int32_t phase, int32_t chunk,
                                         void *scratch, xinf_error *err)
{
    const xi_operand *y = call->out[0];
    bool hann = xi_node_is(call->node, "HannWindow"),
         hamming = xi_node_is(call->node, "HammingWindow");
    double span = (double)(y->count - (xi_node_int(call->node, "periodic", 1) == 0));
    for (int64_t i = 0; i < y->count; i++) {
        double angle = 2 * signal_pi * (double)i / span, half = sin(angle / 2), v;
        if (hann)
            v = half * half;
        else if (hamming)
            v = 25.0 / 46.0 - 21.0 / 46.0 * cos(angle);
        else
            v = 0.42 - 0.5 * cos(angle) + 0.08 * cos(2 * angle);
        xi_dtype_store_f64(y->data, y->dtype, i, span > 0 ? v : 1);
    }
    return XINF_OK;
}

/* ---- MelWeightMatrix ---- */

typedef struct signal_mel_scale {
    double low, step, length, rate;
} signal_mel_scale;

/* The spectrum's bin where triangle edge i lies; -1 when it is outside of all numbers. */
static int64_t ref_signal_mel_bin(const signal_mel_scale *s, int64_t i)
{
    double hertz = 700 * expm1((s->low + (double)i * s->step) / 2595 * log(10));
    double bin = floor((s->length + 1) * hertz / s->rate);
    return bin >= 0 && bin < 1e15 ? (int64_t)bin : -1;
}

static double ref_signal_mel(const xi_operand *hertz)
{
    return 2595 * log1p(xi_dtype_load_f64(hertz->data, hertz->dtype, 0) / 700) / log(10);
}

static xinf_status ref_signal_mel_run(const xi_call *call, int32_t phase, int32_t chunk,
                                      void *scratch, xinf_error *err)
{
    const xi_operand *y = call->out[0];
    if (y->count == 0) return XINF_OK;
    int64_t bins = y->shape.dim[0], bands = y->shape.dim[1];
    signal_mel_scale s = {.low = ref_signal_mel(call->in[3]),
                          .length = (double)ref_signal_int(call, 1, 0),
                          .rate = (double)ref_signal_int(call, 2, 0)};
    s.step = (ref_signal_mel(call->in[4]) - s.low) / (double)(bands + 2);
    memset(y->data, 0, (size_t)y->count * xinf_dtype_size(y->dtype));
    for (int64_t i = 0; i < bands; i++) {
        int64_t low = ref_signal_mel_bin(&s, i), center = ref_signal_mel_bin(&s, i + 1),
                high = ref_signal_mel_bin(&s, i + 2);
        if (low < 0 || center < low || high < center || center >= bins || high > bins)
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "band %lld lies outside the spectrum", (long long)i);
        if (center == low) xi_dtype_store_f64(y->data, y->dtype, center * bands + i, 1);
        for (int64_t j = low; center > low && j <= center; j++)
            xi_dtype_store_f64(y->data, y->dtype, j * bands + i,
                               (double)(j - low) / (double)(center - low));
        for (int64_t j = center; j < high; j++)
            xi_dtype_store_f64(y->data, y->dtype, j * bands + i,
                               (double)(high - j) / (double)(high - center));
    }
    return XINF_OK;
}

#define SIGNAL_KERNEL(op_name, id, function)                                \
    {                                                                       \
        .op = op_name, .domain = "", .name = "xk_" id "_any_ref__portable", \
        .prepare = ref_signal_prepare, .run = function                      \
    }

const xi_kernel xk_ref_signal[] = {
    SIGNAL_KERNEL("DFT", "dft", ref_signal_dft_run),
    SIGNAL_KERNEL("STFT", "stft", ref_signal_stft_run),
    SIGNAL_KERNEL("MelWeightMatrix", "mel_weight_matrix", ref_signal_mel_run),
    SIGNAL_KERNEL("HannWindow", "hann_window", ref_signal_window_run),
    SIGNAL_KERNEL("HammingWindow", "hamming_window", ref_signal_window_run),
    SIGNAL_KERNEL("BlackmanWindow", "blackman_window", ref_signal_window_run),
    {0},
};

#undef SIGNAL_KERNEL
