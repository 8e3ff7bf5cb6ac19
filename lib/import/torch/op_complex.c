/* op_complex.c — complex tensors, kept as real ones whose last axis of two holds both parts, and
 * Fourier transforms. */
#include "import/torch/op.h"

#include <math.h>

static xi_aten_value op_complex_result(xi_aten *x, xi_value *v)
{
    xi_aten_value out = xi_aten_tensor_of(x, v);
    if (out.kind == XI_ATEN_TENSOR) out.tensor->complex = true;
    return out;
}

static xi_value *op_complex_part(xi_aten *x, xi_value *v, int64_t which)
{
    return xi_aten_gather(x, v, xi_aten_whole(x, XINF_INT64, which), -1);
}

static xi_value *op_complex_join(xi_aten *x, xi_value *re, xi_value *im)
{
    return xi_aten_concat(
        x, 2, (xi_value *[]){xi_aten_unsqueeze(x, re, -1), xi_aten_unsqueeze(x, im, -1)}, -1);
}

static xi_aten_value op_complex_view_as_complex(xi_aten *x, const xi_aten_value *a,
                                                const xi_aten_op *op)
{
    return op_complex_result(x, xi_aten_arg(x, &a[0]));
}

static xi_aten_value op_complex_view_as_real(xi_aten *x, const xi_aten_value *a,
                                             const xi_aten_op *op)
{
    return xi_aten_result(x, xi_aten_arg(x, &a[0]));
}

/* complex(real, imag) */
static xi_aten_value op_complex_make(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *re = xi_aten_arg(x, &a[0]), *im = xi_aten_arg(x, &a[1]);
    xi_value *zero = xi_aten_emit2(x, "Mul", xi_aten_emit2(x, "Add", re, im),
                                   xi_aten_number_like(x, re, 0));
    return op_complex_result(x, op_complex_join(x, xi_aten_emit2(x, "Add", re, zero),
                                                xi_aten_emit2(x, "Add", im, zero)));
}

/* polar(abs, angle) */
static xi_aten_value op_complex_polar(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *r = xi_aten_arg(x, &a[0]), *t = xi_aten_arg(x, &a[1]);
    return op_complex_result(
        x, op_complex_join(x, xi_aten_emit2(x, "Mul", r, xi_aten_emit1(x, "Cos", t)),
                           xi_aten_emit2(x, "Mul", r, xi_aten_emit1(x, "Sin", t))));
}

/* real, imag: number */
static xi_aten_value op_complex_take(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(x, op_complex_part(x, xi_aten_arg(x, &a[0]), op->number));
}

static xi_aten_value op_complex_abs(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return xi_aten_result(
        x, xi_aten_reduce(x, "ReduceL2", xi_aten_arg(x, &a[0]), (int64_t[]){-1}, 1, false));
}

static xi_aten_value op_complex_angle(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    xi_aten_value parts[2] = {xi_aten_result(x, op_complex_part(x, v, 1)),
                              xi_aten_result(x, op_complex_part(x, v, 0))};
    return xi_aten_recall(x, "atan2", parts, 2);
}

static xi_aten_value op_complex_conj(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    return op_complex_result(x, op_complex_join(x, op_complex_part(x, v, 0),
                                                xi_aten_emit1(x, "Neg", op_complex_part(x, v, 1))));
}

/* A real operand's contents with an axis that goes along with the parts; a number's as they are. */
static xi_value *op_complex_real(xi_aten *x, const xi_aten_value *a, xi_value *like)
{
    if (a->kind != XI_ATEN_TENSOR)
        return xi_aten_number_like(x, like, xi_aten_arg_double(x, a, "a factor"));
    xi_value *v = xi_aten_cast_like(x, xi_aten_arg(x, a), like);
    return xi_aten_rank(v) == 0 ? v : xi_aten_unsqueeze(x, v, -1);
}

static bool op_complex_is(const xi_aten_value *a)
{
    return a->kind == XI_ATEN_TENSOR && a->tensor->complex;
}

/* Of two complex operands: text '*' or '/'. */
static xi_aten_value op_complex_product(xi_aten *x, xi_value *p, xi_value *q, bool divide)
{
    xi_value *a = op_complex_part(x, p, 0), *b = op_complex_part(x, p, 1),
             *c = op_complex_part(x, q, 0), *d = op_complex_part(x, q, 1);
    if (divide) d = xi_aten_emit1(x, "Neg", d);
    xi_value *re = xi_aten_emit2(x, "Sub", xi_aten_emit2(x, "Mul", a, c),
                                 xi_aten_emit2(x, "Mul", b, d));
    xi_value *im = xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Mul", a, d),
                                 xi_aten_emit2(x, "Mul", b, c));
    xi_value *y = op_complex_join(x, re, im);
    if (divide)
        y = xi_aten_emit2(x, "Div", y,
                          xi_aten_unsqueeze(x,
                                            xi_aten_emit2(x, "Add", xi_aten_emit2(x, "Mul", c, c),
                                                          xi_aten_emit2(x, "Mul", d, d)),
                                            -1));
    return op_complex_result(x, y);
}

static xi_aten_value op_complex_mul(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *p = xi_aten_arg(x, &a[0]), *q = xi_aten_arg(x, &a[1]);
    bool divide = op->number != 0;
    if (op_complex_is(&a[0]) && op_complex_is(&a[1])) return op_complex_product(x, p, q, divide);
    if (op_complex_is(&a[0]))
        return op_complex_result(
            x, xi_aten_emit2(x, divide ? "Div" : "Mul", p, op_complex_real(x, &a[1], p)));
    if (divide) {
        xi_value *real = op_complex_real(x, &a[0], q),
                 *zero = xi_aten_emit2(x, "Mul", q, xi_aten_number_like(x, q, 0));
        xi_value *re = op_complex_part(x, xi_aten_emit2(x, "Add", zero, real), 0);
        return op_complex_product(
            x, op_complex_join(x, re, xi_aten_emit2(x, "Mul", re, xi_aten_number_like(x, q, 0))), q,
            true);
    }
    return op_complex_result(x, xi_aten_emit2(x, "Mul", q, op_complex_real(x, &a[0], q)));
}

/* add, sub: a real operand has no imaginary part */
static xi_aten_value op_complex_add(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v[2];
    for (int i = 0; i < 2; i++) {
        xi_value *other = xi_aten_arg(x, &a[1 - i]);
        v[i] = xi_aten_arg(x, &a[i]);
        if (op_complex_is(&a[i])) continue;
        v[i] = a[i].kind == XI_ATEN_TENSOR
                   ? xi_aten_cast_like(x, v[i], other)
                   : xi_aten_number_like(x, other, xi_aten_arg_double(x, &a[i], "a number"));
        v[i] = op_complex_join(x, v[i],
                               xi_aten_emit2(x, "Mul", v[i], xi_aten_number_like(x, other, 0)));
    }
    if (xi_aten_arg_double(x, &a[2], "alpha") != 1)
        v[1] = xi_aten_emit2(x, "Mul", v[1], xi_aten_scalar(x, &a[2], xi_aten_dtype(v[1])));
    return op_complex_result(x, xi_aten_emit2(x, op->text, v[0], v[1]));
}

/* ---- Fourier transforms ---- */

typedef struct op_complex_fft_plan {
    bool inverse, half; /* half: one side of a real signal's spectrum */
    const xi_aten_value *norm;
} op_complex_fft_plan;

/* The factor of a transform over n elements, or NULL for 1. */
static xi_value *op_complex_scale(xi_aten *x, const op_complex_fft_plan *plan, xi_value *n,
                                  xi_value *like)
{
    bool named = plan->norm->kind == XI_ATEN_STRING,
         ortho = named && xi_str_is(plan->norm->s, "ortho"),
         forward = named && xi_str_is(plan->norm->s, "forward");
    /* ONNX divides the inverse by n, as "backward" does. */
    if (!ortho && !forward) return NULL;
    xi_value *count = xi_aten_cast_like(x, n, like),
             *root = ortho ? xi_aten_emit1(x, "Sqrt", count) : count;
    return plan->inverse ? root : xi_aten_emit1(x, "Reciprocal", root);
}

/* Along one axis of the signal; v has the parts' axis behind. */
static xi_value *op_complex_dft(xi_aten *x, const op_complex_fft_plan *plan, xi_value *v,
                                const xi_aten_value *n, int64_t axis)
{
    int32_t rank = xi_aten_need_rank(x, v, "a Fourier transform") - 1;
    axis = axis < 0 ? axis + rank : axis;
    if (x->status != XINF_OK) return NULL;
    if (axis < 0 || axis >= rank)
        return xi_aten_fail(x, XINF_MALFORMED, "a Fourier transform along dimension %lld of %d",
                            (long long)axis, rank),
               NULL;
    xi_aten_value size = xi_aten_size(x, v, axis);
    xi_value *length = n->kind == XI_ATEN_NONE ? xi_aten_int_value(x, &size)
                                               : xi_aten_int_value(x, n),
             *one = xi_aten_whole(x, XINF_INT64, 1);
    if (n->kind == XI_ATEN_NONE && plan->inverse && plan->half)
        length = xi_aten_whole_op(x, "Mul", xi_aten_whole_op(x, "Sub", length, one),
                                  xi_aten_whole(x, XINF_INT64, 2));
    xi_attr attrs[2] = {XI_ATEN_ATTR_INT("inverse", plan->inverse),
                        XI_ATEN_ATTR_INT("onesided", plan->half)};
    xi_value *y = xi_aten_emit(
        x, "DFT", 3, (xi_value *[]){v, length, xi_aten_whole(x, XINF_INT64, axis)}, 2, attrs);
    xi_value *scale = op_complex_scale(x, plan, length, y);
    return scale ? xi_aten_emit2(x, "Mul", y, scale) : y;
}

static xi_value *op_complex_signal(xi_aten *x, const xi_aten_value *a)
{
    xi_value *v = xi_aten_arg(x, a);
    return op_complex_is(a) ? v : xi_aten_unsqueeze(x, xi_aten_to_float(x, v), -1);
}

/* fft, ifft, rfft, irfft (self, n, dim, norm): number: 1 inverse, 2 half */
static xi_aten_value op_complex_fft1(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_complex_fft_plan plan = {.inverse = op->number & 1, .half = op->number & 2, .norm = &a[3]};
    xi_value *y = op_complex_dft(x, &plan, op_complex_signal(x, &a[0]), &a[1],
                                 xi_aten_arg_int(x, &a[2], op->name));
    return plan.inverse && plan.half ? xi_aten_result(x, xi_aten_squeeze(x, y, -1))
                                     : op_complex_result(x, y);
}

/* fft2, fftn, … (self, s, dim, norm): one axis after the other; of a half spectrum the last axis
 * comes first (or, inverse, last) */
static xi_aten_value op_complex_fftn(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    op_complex_fft_plan plan = {.inverse = op->number & 1, .half = op->number & 2, .norm = &a[3]},
                        full = plan;
    int64_t axes[XI_MAX_RANK];
    xi_value *v = op_complex_signal(x, &a[0]);
    int32_t count = xi_aten_arg_ints(x, &a[2], axes, XI_MAX_RANK, 1, op->name),
            rank = xi_aten_need_rank(x, v, op->name) - 1;
    bool sized = a[1].kind == XI_ATEN_LIST || a[1].kind == XI_ATEN_TUPLE;
    if (x->status != XINF_OK) return xi_aten_none();
    if (a[2].kind == XI_ATEN_NONE)
        for (count = 0; count < rank; count++) axes[count] = count;
    full.half = false;
    for (int32_t i = 0; i < count; i++) {
        int32_t at = plan.inverse ? i : count - 1 - i;
        xi_aten_value none = xi_aten_none();
        const xi_aten_value *n = sized && at < a[1].list->count ? &a[1].list->items[at] : &none;
        v = op_complex_dft(x, at == count - 1 ? &plan : &full, v, n, axes[at]);
    }
    return plan.inverse && plan.half ? xi_aten_result(x, xi_aten_squeeze(x, v, -1))
                                     : op_complex_result(x, v);
}

/* fftshift, ifftshift (self, dim): number 1: back */
static xi_aten_value op_complex_shift(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t axes[XI_MAX_RANK];
    int32_t rank = xi_aten_need_rank(x, v, op->name) - op_complex_is(&a[0]),
            count = xi_aten_arg_ints(x, &a[1], axes, XI_MAX_RANK, 1, op->name);
    if (x->status != XINF_OK) return xi_aten_none();
    if (a[1].kind == XI_ATEN_NONE)
        for (count = 0; count < rank; count++) axes[count] = count;
    for (int32_t i = 0; i < count && x->status == XINF_OK; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        xi_aten_value size = xi_aten_size(x, v, axis);
        xi_value *n = xi_aten_int_value(x, &size),
                 *half = xi_aten_whole_op(x, "Div", n, xi_aten_whole(x, XINF_INT64, 2)),
                 *zero = xi_aten_whole(x, XINF_INT64, 0);
        xi_value *cut = op->number ? half : xi_aten_whole_op(x, "Sub", n, half);
        v = xi_aten_concat(x, 2,
                           (xi_value *[]){xi_aten_slice_between(x, v, axis, cut, n),
                                          xi_aten_slice_between(x, v, axis, zero, cut)},
                           axis);
    }
    return op_complex_is(&a[0]) ? op_complex_result(x, v) : xi_aten_result(x, v);
}

/* The window in the middle of a frame. */
static xi_value *op_complex_window(xi_aten *x, const xi_aten_value *window,
                                   const xi_aten_value *length, int64_t frame, xi_value *like)
{
    int64_t given = length->kind == XI_ATEN_NONE ? frame
                                                 : xi_aten_arg_int(x, length, "stft's window"),
            left = (frame - given) / 2;
    xi_value *w = xi_aten_arg(x, window);
    if (!w) w = xi_aten_expand(x, xi_aten_number_like(x, like, 1), xi_aten_int1(x, given));
    w = xi_aten_cast_like(x, w, like);
    return given == frame
               ? w
               : xi_aten_emit2(x, "Pad", w,
                               xi_aten_ints(x, (int64_t[]){left, frame - given - left}, 2));
}

/* stft(self, n_fft, hop_length, win_length, window, normalized, onesided, return_complex) */
static xi_aten_value op_complex_stft_of(xi_aten *x, xi_value *v, const xi_aten_value *a,
                                        const xi_aten_op *op)
{
    int64_t frame = xi_aten_arg_int(x, &a[1], "stft's size"),
            hop = a[2].kind == XI_ATEN_NONE ? frame / 4 : xi_aten_arg_int(x, &a[2], "stft's step");
    int32_t rank = xi_aten_need_rank(x, v, "stft");
    bool onesided = a[6].kind == XI_ATEN_NONE || xi_aten_arg_bool(x, &a[6], op->name);
    if (rank == 1) v = xi_aten_unsqueeze(x, v, 0);
    if (frame < 1 || hop < 1 || frame > 1 << 20)
        return xi_aten_fail(x, XINF_MALFORMED, "stft of frames of %lld", (long long)frame),
               xi_aten_none();
    xi_value *in[4] = {xi_aten_unsqueeze(x, v, -1), xi_aten_whole(x, XINF_INT64, hop),
                       op_complex_window(x, &a[4], &a[3], frame, v),
                       xi_aten_whole(x, XINF_INT64, frame)};
    xi_value *y = xi_aten_emit(x, "STFT", 4, in, 1,
                               (xi_attr[]){XI_ATEN_ATTR_INT("onesided", onesided)});
    y = xi_aten_transpose(x, y, (int64_t[]){0, 2, 1, 3}, 4);
    if (rank == 1) y = xi_aten_squeeze(x, y, 0);
    if (xi_aten_arg_bool(x, &a[5], "stft's normalized"))
        y = xi_aten_emit2(x, "Mul", y, xi_aten_number_like(x, y, 1 / sqrt((double)frame)));
    bool complex = a[7].kind != XI_ATEN_NONE && xi_aten_arg_bool(x, &a[7], op->name);
    return complex ? op_complex_result(x, y) : xi_aten_result(x, y);
}

static xi_aten_value op_complex_stft(xi_aten *x, const xi_aten_value *a, const xi_aten_op *op)
{
    return op_complex_stft_of(x, xi_aten_arg(x, &a[0]), a, op);
}

/* stft.center(self, n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided,
 * return_complex) */
static xi_aten_value op_complex_stft_centre(xi_aten *x, const xi_aten_value *a,
                                            const xi_aten_op *op)
{
    xi_value *v = xi_aten_arg(x, &a[0]);
    int64_t half = xi_aten_arg_int(x, &a[1], "stft's size") / 2;
    int32_t rank = xi_aten_need_rank(x, v, "stft");
    if (x->status != XINF_OK) return xi_aten_none();
    if (xi_aten_arg_bool(x, &a[5], "stft's center")) {
        const char *mode = xi_str_is(a[6].s, "reflect")     ? "reflect"
                           : xi_str_is(a[6].s, "replicate") ? "edge"
                                                            : "constant";
        int64_t pads[4] = {0, half, 0, half};
        if (rank == 1) pads[0] = half;
        v = xi_aten_emit(x, "Pad", 2, (xi_value *[]){v, xi_aten_ints(x, pads, 2 * rank)}, 1,
                         (xi_attr[]){XI_ATEN_ATTR_TEXT("mode", mode)});
    }
    return op_complex_stft_of(
        x, v, (xi_aten_value[]){a[0], a[1], a[2], a[3], a[4], a[7], a[8], a[9]}, op);
}

#define COMPLEX_BINARY(name, fn, text, number, rest)     \
    {name, "C:self C:other" rest, fn, text, number},     \
        {name, "C:self T:other" rest, fn, text, number}, \
        {name, "T:self C:other" rest, fn, text, number}, \
    {                                                    \
        name, "C:self s:other" rest, fn, text, number    \
    }
#define COMPLEX_FFT "T:self i?:n=None i:dim=-1 S?:norm=None"
#define COMPLEX_FFT2 "T:self I?:s=None I:dim=[-2,-1] S?:norm=None"
#define COMPLEX_FFTN "T:self I?:s=None I?:dim=None S?:norm=None"

const xi_aten_op xi_aten_ops_complex[] = {
    {"view_as_complex", "T:self", op_complex_view_as_complex, NULL, 0},
    {"view_as_real", "C:self", op_complex_view_as_real, NULL, 0},
    {"complex", "T:real T:imag", op_complex_make, NULL, 0},
    {"polar", "T:abs T:angle", op_complex_polar, NULL, 0},
    {"real", "C:self", op_complex_take, NULL, 0},
    {"imag", "C:self", op_complex_take, NULL, 1},
    {"abs", "C:self", op_complex_abs, NULL, 0},
    {"angle", "C:self", op_complex_angle, NULL, 0},
    {"conj", "C:self", op_complex_conj, NULL, 0},
    {"resolve_conj", "C:self", op_complex_view_as_complex, NULL, 0},
    COMPLEX_BINARY("mul", op_complex_mul, NULL, 0, ""),
    COMPLEX_BINARY("div", op_complex_mul, NULL, 1, ""),
    COMPLEX_BINARY("add", op_complex_add, "Add", 0, " s:alpha=1"),
    COMPLEX_BINARY("sub", op_complex_add, "Sub", 0, " s:alpha=1"),
    {"fft_fft", COMPLEX_FFT, op_complex_fft1, NULL, 0},
    {"fft_ifft", COMPLEX_FFT, op_complex_fft1, NULL, 1},
    {"fft_rfft", COMPLEX_FFT, op_complex_fft1, NULL, 2},
    {"fft_irfft", COMPLEX_FFT, op_complex_fft1, NULL, 3},
    {"fft_fft2", COMPLEX_FFT2, op_complex_fftn, NULL, 0},
    {"fft_ifft2", COMPLEX_FFT2, op_complex_fftn, NULL, 1},
    {"fft_rfft2", COMPLEX_FFT2, op_complex_fftn, NULL, 2},
    {"fft_irfft2", COMPLEX_FFT2, op_complex_fftn, NULL, 3},
    {"fft_fftn", COMPLEX_FFTN, op_complex_fftn, NULL, 0},
    {"fft_ifftn", COMPLEX_FFTN, op_complex_fftn, NULL, 1},
    {"fft_rfftn", COMPLEX_FFTN, op_complex_fftn, NULL, 2},
    {"fft_irfftn", COMPLEX_FFTN, op_complex_fftn, NULL, 3},
    {"fft_fftshift", "T:self I?:dim=None", op_complex_shift, NULL, 0},
    {"fft_ifftshift", "T:self I?:dim=None", op_complex_shift, NULL, 1},
    {"stft",
     "T:self i:n_fft i?:hop_length i?:win_length t:window b:normalized b?:onesided "
     "b?:return_complex=None b?:align_to_window=None",
     op_complex_stft, NULL, 0},
    {"stft",
     "T:self i:n_fft i?:hop_length i?:win_length t:window b:center S:pad_mode b:normalized "
     "b?:onesided b?:return_complex=None b?:align_to_window=None",
     op_complex_stft_centre, NULL, 0},
    {NULL, NULL, NULL, NULL, 0},
};

#undef COMPLEX_BINARY
#undef COMPLEX_FFT
#undef COMPLEX_FFT2
#undef COMPLEX_FFTN
