/* conv_tmpl.h — one row of a convolution's output for one type: included with T and FN(name)
 * defined. */

/* acc[filters][out width] += the row's sums over the channels of one group. x: the group's first
 * channel; k: the first filter; spans: for each kernel column the outputs lo, hi that it meets. */
static void FN(row)(const ref_conv_plan *p, const T *x, const T *k, int64_t filters,
                    const int64_t *spans, int64_t row, T *acc)
{
    const xi_window *w = &p->window;
    const int32_t last = w->rank - 1;
    const int64_t width = w->out[last], stride = w->stride[last], columns = w->kernel[last];
    const int64_t filter = p->in_channels * p->kernel_plane;
    for (int64_t c = 0; c < p->in_channels; c++)
        for (int64_t ko = 0; ko < p->kernel_plane / columns; ko++) {
            int64_t at = ref_conv_input_row(w, row, ko);
            if (at < 0) continue;
            const T *from = x + c * p->in_plane + at * w->in[last];
            const T *weights = k + c * p->kernel_plane + ko * columns;
            for (int64_t kw = 0; kw < columns; kw++) {
                const int64_t lo = spans[2 * kw], hi = spans[2 * kw + 1];
                if (lo == hi) continue;
                const T *s = from + kw * w->dilation[last] - w->begin[last] + lo * stride;
                if (filters == 4) {
                    const T v0 = weights[kw], v1 = weights[filter + kw],
                            v2 = weights[2 * filter + kw], v3 = weights[3 * filter + kw];
                    T *a0 = acc + lo, *a1 = a0 + width, *a2 = a1 + width, *a3 = a2 + width;
                    for (int64_t o = 0; o < hi - lo; o++) {
                        const T v = s[o * stride];
                        a0[o] += v0 * v;
                        a1[o] += v1 * v;
                        a2[o] += v2 * v;
                        a3[o] += v3 * v;
                    }
                    continue;
                }
                for (int64_t f = 0; f < filters; f++) {
                    const T v = weights[f * filter + kw];
                    T *a = acc + f * width + lo;
                    if (stride == 1)
                        for (int64_t o = 0; o < hi - lo; o++) a[o] += v * s[o];
                    else
                        for (int64_t o = 0; o < hi - lo; o++) a[o] += v * s[o * stride];
                }
            }
        }
}

/* plane (out) += one filter of one channel, spread from the small side x. */
static void FN(spread)(const ref_conv_plan *p, const T *x, const T *k, const int64_t *spans,
                       T *plane)
{
    const xi_window *w = &p->window;
    const int32_t last = w->rank - 1;
    const int64_t width = w->in[last], stride = w->stride[last], columns = w->kernel[last];
    for (int64_t row = 0; row < p->in_plane / width; row++)
        for (int64_t ko = 0; ko < p->kernel_plane / columns; ko++) {
            int64_t at = ref_conv_output_row(w, row, ko);
            if (at < 0) continue;
            for (int64_t kw = 0; kw < columns; kw++) {
                const int64_t lo = spans[2 * kw], hi = spans[2 * kw + 1];
                if (lo == hi) continue;
                const T v = k[ko * columns + kw], *s = x + row * width + lo;
                T *to = plane + at * w->out[last] + kw * w->dilation[last] - w->begin[last] +
                        lo * stride;
                for (int64_t j = 0; j < hi - lo; j++) to[j * stride] += v * s[j];
            }
        }
}

#undef T
#undef FN
