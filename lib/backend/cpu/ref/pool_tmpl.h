/* pool_tmpl.h — one row of a pool's output for one type: included with T, FN(name), LOWEST and, for
 * floats, M(function). */

static void FN(max_row)(const ref_pool_plan *p, const T *x, int64_t row, T *acc)
{
    const xi_window *w = &p->window;
    const int32_t last = w->rank - 1;
    const int64_t width = w->out[last], stride = w->stride[last], columns = w->kernel[last];
    for (int64_t o = 0; o < width; o++) acc[o] = LOWEST;
    for (int64_t ko = 0; ko < p->kernel_plane / columns; ko++) {
        int64_t at = ref_pool_input_row(w, row, ko), lo, hi;
        if (at < 0) continue;
        for (int64_t kw = 0; kw < columns; kw++) {
            const int64_t offset = kw * w->dilation[last] - w->begin[last];
            xk_window_span(w->in[last], width, stride, offset, &lo, &hi);
            if (lo == hi) continue;
            const T *s = x + at * w->in[last] + offset;
            for (int64_t o = lo; o < hi; o++)
                acc[o] = s[o * stride] > acc[o] ? s[o * stride] : acc[o];
        }
    }
}

/* With the place of each largest element in its plane. */
static void FN(max_places)(const ref_pool_plan *p, const T *x, int64_t row, T *acc, int64_t *places)
{
    const xi_window *w = &p->window;
    const int32_t last = w->rank - 1;
    const int64_t width = w->out[last], stride = w->stride[last], columns = w->kernel[last];
    for (int64_t o = 0; o < width; o++) {
        acc[o] = LOWEST;
        places[o] = -1;
    }
    for (int64_t ko = 0; ko < p->kernel_plane / columns; ko++) {
        int64_t at = ref_pool_input_row(w, row, ko), lo, hi;
        if (at < 0) continue;
        for (int64_t kw = 0; kw < columns; kw++) {
            const int64_t offset = kw * w->dilation[last] - w->begin[last];
            xk_window_span(w->in[last], width, stride, offset, &lo, &hi);
            if (lo == hi) continue;
            const int64_t base = at * w->in[last] + offset;
            for (int64_t o = lo; o < hi; o++) {
                if (places[o] >= 0 && !(x[base + o * stride] > acc[o])) continue;
                acc[o] = x[base + o * stride];
                places[o] = base + o * stride;
            }
        }
    }
}

#ifdef M
/* Sums of elements, or of the p-th powers of their sizes. */
static void FN(sum_row)(const ref_pool_plan *p, const T *x, int64_t row, T *acc)
{
    const xi_window *w = &p->window;
    const int32_t last = w->rank - 1;
    const int64_t width = w->out[last], stride = w->stride[last], columns = w->kernel[last];
    for (int64_t o = 0; o < width; o++) acc[o] = 0;
    for (int64_t ko = 0; ko < p->kernel_plane / columns; ko++) {
        int64_t at = ref_pool_input_row(w, row, ko), lo, hi;
        if (at < 0) continue;
        for (int64_t kw = 0; kw < columns; kw++) {
            const int64_t offset = kw * w->dilation[last] - w->begin[last];
            xk_window_span(w->in[last], width, stride, offset, &lo, &hi);
            if (lo == hi) continue;
            const T *s = x + at * w->in[last] + offset;
            if (p->power == 0)
                for (int64_t o = lo; o < hi; o++) acc[o] += s[o * stride];
            else if (p->power == 1)
                for (int64_t o = lo; o < hi; o++) acc[o] += M(fabs)(s[o * stride]);
            else if (p->power == 2)
                for (int64_t o = lo; o < hi; o++) acc[o] += s[o * stride] * s[o * stride];
            else
                for (int64_t o = lo; o < hi; o++)
                    acc[o] += M(pow)(M(fabs)(s[o * stride]), (T)p->power);
        }
    }
}

/* From sums to means or norms. */
static void FN(finish_row)(const ref_pool_plan *p, int64_t row, T *acc)
{
    const xi_window *w = &p->window;
    const int32_t last = w->rank - 1;
    int64_t rows = p->power == 0 ? ref_pool_count(w, row, last, p->include_pad) : 0;
    for (int64_t o = 0; o < w->out[last]; o++) {
        if (p->power == 0) {
            int64_t count = rows * ref_pool_count_axis(w, last, o, p->include_pad);
            acc[o] = count ? acc[o] / (T)count : 0;
        } else if (p->power == 2) {
            acc[o] = M(sqrt)(acc[o]);
        } else if (p->power > 2) {
            acc[o] = M(pow)(acc[o], 1 / (T)p->power);
        }
    }
}

/* The whole plane in one number. */
static T FN(global)(const T *x, int64_t count, ref_pool_what what, int64_t power)
{
    T lane[16] = {0}, sum = 0;
    int64_t i = 0;
    if (what == REF_POOL_MAX) {
        T top = LOWEST;
        for (; i < count; i++) top = x[i] > top ? x[i] : top;
        return top;
    }
    if (what == REF_POOL_MEAN) {
        for (; i + 16 <= count; i += 16)
            for (int32_t l = 0; l < 16; l++) lane[l] += x[i + l];
        for (; i < count; i++) sum += x[i];
        for (int32_t l = 0; l < 16; l++) sum += lane[l];
        return sum / (T)count;
    }
    for (; i < count; i++)
        sum += power == 1   ? M(fabs)(x[i])
               : power == 2 ? x[i] * x[i]
                            : M(pow)(M(fabs)(x[i]), (T)power);
    return power == 1 ? sum : power == 2 ? M(sqrt)(sum) : M(pow)(sum, 1 / (T)power);
}
#undef M
#endif

#undef T
#undef FN
#undef LOWEST
