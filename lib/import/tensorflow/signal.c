/* signal.c — complex numbers and spectra. A complex value is two real ones; operators that only
 * move elements, or are linear in them, are translated for either part. */
#include "import/tensorflow/importer.h"
#include "import/tensorflow/table.h"

static void signal_give(xi_tf_call *c, int32_t i, xi_value *re, xi_value *im)
{
    if (!re || !im) {
        xi_tf_give(c, i, NULL);
        return;
    }
    xi_tf_give_value(c, i, &(xi_tf_value){.v = re, .imaginary = im});
}

static xi_value *signal_re(xi_tf_call *c, int32_t i)
{
    return i < c->in_count ? c->in[i]->v : NULL;
}

static xi_value *signal_im(xi_tf_call *c, int32_t i)
{
    if (i >= c->in_count) return NULL;
    return c->in[i]->imaginary ? c->in[i]->imaginary : xi_tf_like(c, c->in[i]->v, 0);
}

static void signal_complex_mul(xi_tf_call *c)
{
    xi_value *a = signal_re(c, 0), *b = signal_im(c, 0), *x = signal_re(c, 1), *y = signal_im(c, 1);
    xi_value *re = xi_tf_op2(c, "Sub", xi_tf_op2(c, "Mul", a, x), xi_tf_op2(c, "Mul", b, y));
    signal_give(c, 0, re,
                xi_tf_op2(c, "Add", xi_tf_op2(c, "Mul", a, y), xi_tf_op2(c, "Mul", b, x)));
}

static void signal_complex_exp(xi_tf_call *c)
{
    xi_value *size = xi_tf_op1(c, "Exp", signal_re(c, 0)), *angle = signal_im(c, 0);
    signal_give(c, 0, xi_tf_op2(c, "Mul", size, xi_tf_op1(c, "Cos", angle)),
                xi_tf_op2(c, "Mul", size, xi_tf_op1(c, "Sin", angle)));
}

static void signal_complex_part(xi_tf_call *c)
{
    xi_tf_give(c, 0, c->row->how ? signal_im(c, 0) : signal_re(c, 0));
}

static void signal_complex_abs(xi_tf_call *c)
{
    xi_value *a = signal_re(c, 0), *b = signal_im(c, 0);
    xi_tf_give(
        c, 0,
        xi_tf_op1(c, "Sqrt",
                  xi_tf_op2(c, "Add", xi_tf_op2(c, "Mul", a, a), xi_tf_op2(c, "Mul", b, b))));
}

static void signal_complex_conj(xi_tf_call *c)
{
    signal_give(c, 0, signal_re(c, 0), xi_tf_op1(c, "Neg", signal_im(c, 0)));
}

static void signal_op_complex(xi_tf_call *c)
{
    signal_give(c, 0, xi_tf_in(c, 0), xi_tf_in(c, 1));
}

/* ---- transforms over the last axis ---- */

/* x: [… , n, 1 or 2]. */
static xi_value *signal_transform(xi_tf_call *c, xi_value *x, int64_t length, bool onesided,
                                  bool inverse)
{
    xi_value *size = length > 0 ? xi_tf_const_int(c, length) : NULL;
    xi_node *n = x ? xi_tf_node(c, "DFT", 1, 2, (xi_value *[]){x, size, xi_tf_const_int(c, -2)}, 3)
                   : NULL;
    if (n && onesided) xi_node_set_int(n, "onesided", 1);
    if (n && inverse) xi_node_set_int(n, "inverse", 1);
    return xi_tf_result(c, n, 0);
}

static xi_value *signal_part(xi_tf_call *c, xi_value *x, int64_t part)
{
    return x ? xi_tf_gather(c, x, xi_tf_const_int(c, part), -1) : NULL;
}

static void signal_give_dft(xi_tf_call *c, xi_value *y)
{
    signal_give(c, 0, signal_part(c, y, 0), signal_part(c, y, 1));
}

static void signal_op_rfft(xi_tf_call *c)
{
    int64_t length;
    xi_value *x = xi_tf_in(c, 0);
    if (!x || xi_tf_known(xi_tf_in(c, 1), &length, 1) != 1 || length < 1) {
        xi_tf_refuse(c, "its length is not known");
        return;
    }
    signal_give_dft(c, signal_transform(c, xi_tf_unsqueeze(c, x, -1), length, true, false));
}

static xi_value *signal_pair(xi_tf_call *c, xi_value *re, xi_value *im)
{
    return re && im ? xi_tf_concat(
                          c, (xi_value *[]){xi_tf_unsqueeze(c, re, -1), xi_tf_unsqueeze(c, im, -1)},
                          2, -1)
                    : NULL;
}

static void signal_complex_fft(xi_tf_call *c)
{
    signal_give_dft(c, signal_transform(c, signal_pair(c, signal_re(c, 0), signal_im(c, 0)), 0,
                                        false, c->row->how != 0));
}

/* The other half of the spectrum is this one mirrored and conjugated. */
static void signal_complex_irfft(xi_tf_call *c)
{
    int64_t length, step = -1, axis = -1;
    xi_value *re = signal_re(c, 0), *im = signal_im(c, 0), *parts[2] = {re, im};
    if (!re || !im || c->in_count < 2 || xi_tf_known(c->in[1]->v, &length, 1) != 1 || length < 2) {
        xi_tf_refuse(c, "its length is not known");
        return;
    }
    for (int k = 0; k < 2; k++) {
        int64_t start = (length - 1) / 2, end = 0;
        parts[k] = xi_tf_slice(c, parts[k], -1, 0, length / 2 + 1);
        xi_value *in[] = {parts[k], xi_tf_const_ints(c, &start, 1), xi_tf_const_ints(c, &end, 1),
                          xi_tf_const_ints(c, &axis, 1), xi_tf_const_ints(c, &step, 1)};
        xi_value *mirror = parts[k] ? xi_tf_result(c, xi_tf_node(c, "Slice", 1, 0, in, 5), 0)
                                    : NULL;
        if (k && mirror) mirror = xi_tf_op1(c, "Neg", mirror);
        parts[k] = xi_tf_concat(c, (xi_value *[]){parts[k], mirror}, 2, -1);
    }
    xi_tf_give(
        c, 0,
        signal_part(c, signal_transform(c, signal_pair(c, parts[0], parts[1]), length, false, true),
                    0));
}

static void signal_op_needs_complex(xi_tf_call *c)
{
    xi_tf_refuse(c, "its input is not complex");
}

static const xi_tf_row signal_complex[] = {
    {"Mul", signal_complex_mul, NULL, 0},        {"Exp", signal_complex_exp, NULL, 0},
    {"Real", signal_complex_part, NULL, 0},      {"Imag", signal_complex_part, NULL, 1},
    {"ComplexAbs", signal_complex_abs, NULL, 0}, {"Conj", signal_complex_conj, NULL, 0},
    {"FFT", signal_complex_fft, NULL, 0},        {"IFFT", signal_complex_fft, NULL, 1},
    {"IRFFT", signal_complex_irfft, NULL, 0},    {NULL, NULL, NULL, 0},
};

/* Either part by itself. */
static void signal_parts(xi_tf_call *c)
{
    xi_tf_value *imaginary[16], copies[16];
    xi_tf_outputs first = {0}, second = {0};
    xi_tf_call part = *c;
    if (c->in_count > 16) {
        xi_tf_refuse(c, "too many complex inputs");
        return;
    }
    for (int32_t i = 0; i < c->in_count; i++) {
        copies[i] = *c->in[i];
        if (copies[i].imaginary) copies[i] = (xi_tf_value){.v = copies[i].imaginary, .given = true};
        imaginary[i] = &copies[i];
    }
    part.out = &first;
    c->row->fn(&part);
    c->status = part.status;
    if (c->status || part.refused) {
        c->refused = part.refused;
        return;
    }
    part.in = imaginary;
    part.out = &second;
    c->row->fn(&part);
    c->status = part.status;
    c->refused = part.refused;
    for (int32_t i = 0; i < first.count && i < second.count && !c->status && !c->refused; i++)
        if (first.items[i].given)
            signal_give(c, i, xi_tf_tensor(c, &first.items[i]), xi_tf_tensor(c, &second.items[i]));
}

bool xi_tf_complex(xi_tf_call *c)
{
    static const char *const linear[] = {
        "Identity", "StridedSlice", "Slice",     "Reshape",     "Transpose",  "ConcatV2",
        "Pack",     "Unpack",       "Split",     "Squeeze",     "ExpandDims", "Pad",
        "GatherV2", "Tile",         "ReverseV2", "Sum",         "Mean",       "Add",
        "AddV2",    "Sub",          "Neg",       "BroadcastTo", "Roll",       "StopGradient"};
    bool complex = false;
    for (int32_t i = 0; i < c->in_count; i++)
        complex = complex || (c->in[i] && c->in[i]->imaginary);
    if (!complex) return false;
    for (const xi_tf_row *row = signal_complex; row->op; row++) {
        if (!xi_str_is(xi_tf_str(c->node->op), row->op)) continue;
        c->row = row;
        row->fn(c);
        return true;
    }
    for (size_t i = 0; i < sizeof linear / sizeof *linear; i++) {
        if (!xi_str_is(xi_tf_str(c->node->op), linear[i]) || !c->row) continue;
        signal_parts(c);
        return true;
    }
    xi_tf_refuse(c, "complex numbers are not supported here");
    return true;
}

const xi_tf_row xi_tf_signal[] = {
    {"Complex", signal_op_complex, NULL, 0},
    {"RFFT", signal_op_rfft, NULL, 0},
    {"Real", signal_op_needs_complex, NULL, 0},
    {"Imag", signal_op_needs_complex, NULL, 0},
    {"ComplexAbs", signal_op_needs_complex, NULL, 0},
    {"FFT", signal_op_needs_complex, NULL, 0},
    {"IFFT", signal_op_needs_complex, NULL, 0},
    {"IRFFT", signal_op_needs_complex, NULL, 0},
    {NULL, NULL, NULL, 0},
};
