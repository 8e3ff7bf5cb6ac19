/* rnn_tmpl.h — one time step of LSTM, GRU and RNN for one real type: included with REAL, FN(name),
 * ACTIVATE and M defined. */

/* Of one direction. w: [gates·hidden, input], r: [gates·hidden, hidden], b: [2·gates·hidden] or
 * NULL, p: [3·hidden] or NULL. */
typedef struct FN(weights) {
    const REAL *w, *r, *b, *p;
} FN(weights);

/* z: [gates·hidden]; t: [hidden] of work space. */
typedef struct FN(cell) {
    const REAL *x;
    REAL *z, *h, *c, *t;
} FN(cell);

/* Eight sums side by side, in a fixed order. */
static REAL FN(dot)(const REAL *a, const REAL *b, int64_t count)
{
    REAL s[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int32_t k = 0; k < 8; k++) s[k] += a[i + k] * b[i + k];
    for (; i < count; i++) s[0] += a[i] * b[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* dst[i] (+)= m[i, :] · v + bias[i] */
static void FN(product)(REAL *dst, const REAL *m, const REAL *v, const REAL *bias, int64_t rows,
                        int64_t columns, bool add)
{
    for (int64_t i = 0; i < rows; i++) {
        REAL sum = FN(dot)(m + i * columns, v, columns) + (bias ? bias[i] : 0);
        dst[i] = add ? dst[i] + sum : sum;
    }
}

static void FN(activate)(const xi_rnn *r, int32_t direction, int32_t which, REAL *x, int64_t count)
{
    const REAL clip = r->clip;
    if (clip > 0)
        for (int64_t i = 0; i < count; i++) x[i] = x[i] > clip ? clip : x[i] < -clip ? -clip : x[i];
    ACTIVATE(&r->activation[direction][which], x, count);
}

/* Gates stand in the order input, output, forget, cell; peepholes in the order input, output,
 * forget. */
static void FN(lstm)(const xi_rnn *r, int32_t direction, const FN(weights) * k, const FN(cell) * s,
                     int64_t n)
{
    REAL *in = s->z, *out = s->z + n, *forget = s->z + 2 * n, *cell = s->z + 3 * n;
    for (int64_t i = 0; k->p && i < n; i++) {
        in[i] += k->p[i] * s->c[i];
        forget[i] += k->p[2 * n + i] * s->c[i];
    }
    FN(activate)(r, direction, 0, in, n);
    if (r->input_forget)
        for (int64_t i = 0; i < n; i++) forget[i] = 1 - in[i];
    else
        FN(activate)(r, direction, 0, forget, n);
    FN(activate)(r, direction, 1, cell, n);
    for (int64_t i = 0; i < n; i++) {
        s->c[i] = forget[i] * s->c[i] + in[i] * cell[i];
        s->t[i] = s->c[i];
        if (k->p) out[i] += k->p[n + i] * s->c[i];
    }
    FN(activate)(r, direction, 0, out, n);
    ACTIVATE(&r->activation[direction][2], s->t,
             n); /* the cell's state is never clipped, as other runtimes have it */
    for (int64_t i = 0; i < n; i++) s->h[i] = out[i] * s->t[i];
}

/* Gates stand in the order update, reset, hidden. */
static void FN(gru)(const xi_rnn *r, int32_t direction, const FN(weights) * k, const FN(cell) * s,
                    int64_t n)
{
    REAL *update = s->z, *reset = s->z + n, *fresh = s->z + 2 * n;
    const REAL *bias = k->b ? k->b + 5 * n : NULL;
    FN(activate)(r, direction, 0, update, 2 * n);
    if (r->linear_before_reset) {
        FN(product)(s->t, k->r + 2 * n * n, s->h, bias, n, n, false);
        for (int64_t i = 0; i < n; i++) fresh[i] += reset[i] * s->t[i];
    } else {
        for (int64_t i = 0; i < n; i++) s->t[i] = reset[i] * s->h[i];
        FN(product)(fresh, k->r + 2 * n * n, s->t, bias, n, n, true);
    }
    FN(activate)(r, direction, 1, fresh, n);
    for (int64_t i = 0; i < n; i++) s->h[i] = (1 - update[i]) * fresh[i] + update[i] * s->h[i];
}

static void FN(step)(const xi_rnn *r, int32_t direction, const FN(weights) * k, const FN(cell) * s,
                     int64_t input, int64_t n)
{
    int64_t gates = r->gates, recurrent = gates == XI_RNN_GRU ? 2 : gates;
    FN(product)(s->z, k->w, s->x, k->b, gates * n, input, false);
    FN(product)(s->z, k->r, s->h, k->b ? k->b + gates * n : NULL, recurrent * n, n, true);
    if (gates == XI_RNN_LSTM) {
        FN(lstm)(r, direction, k, s, n);
    } else if (gates == XI_RNN_GRU) {
        FN(gru)(r, direction, k, s, n);
    } else {
        FN(activate)(r, direction, 0, s->z, n);
        memcpy(s->h, s->z, (size_t)n * sizeof(REAL));
    }
}

/* One sequence: item `b` of the batch in direction `d`. */
static xinf_status FN(sequence)(const rnn_params *u, const rnn_call *s, const xi_call *call,
                                int64_t d, int64_t b, REAL *work, xinf_error *err)
{
    const xi_rnn *r = &u->r;
    const xk_kind kind = (xk_kind)u->kind;
    const xi_operand *x = call->in[0], *h0 = ref_rnn_in(call, RNN_H), *c0 = ref_rnn_in(call, RNN_C);
    int64_t n = s->hidden, rows = r->gates * n, length = s->steps, place;
    xinf_status status = ref_rnn_length(&length, call, b, err);
    if (status) return status;
    const REAL *w = ref_rnn_weight(u, call, RNN_W), *rec = ref_rnn_weight(u, call, RNN_R),
               *bias = ref_rnn_weight(u, call, RNN_B), *peep = ref_rnn_weight(u, call, RNN_P);
    FN(weights)
    k = {w + d * rows * s->input, rec + d * rows * n, bias ? bias + d * 2 * rows : NULL,
         peep ? peep + d * 3 * n : NULL};
    FN(cell) cell = {.z = work, .h = work + rows, .c = work + rows + n, .t = work + rows + 2 * n};
    REAL *row = work + rows + 3 * n;
    place = (r->batch_first ? b * r->directions + d : d * s->batch + b) * n;
    memset(cell.h, 0, 2 * (size_t)n * sizeof(REAL));
    if (h0) xk_block_load(cell.h, kind, h0->data, h0->dtype, place, 1, n);
    if (c0) xk_block_load(cell.c, kind, c0->data, c0->dtype, place, 1, n);
    for (int64_t i = 0; i < s->steps; i++) {
        int64_t t = i >= length || !(r->reverse || d == 1) ? i : length - 1 - i;
        int64_t from = (r->batch_first ? b * s->steps + t : t * s->batch + b) * s->input;
        int64_t to = (r->batch_first ? (b * s->steps + t) * r->directions + d
                                     : (t * r->directions + d) * s->batch + b) *
                     n;
        if (i < length) {
            cell.x = xk_block_read(row, kind, x->data, x->dtype, from, s->input);
            FN(step)(r, (int32_t)d, &k, &cell, s->input, n);
            ref_rnn_store(call, 0, to, cell.h, kind, n);
        } else {
            memset(cell.z, 0, (size_t)n * sizeof(REAL));
            ref_rnn_store(call, 0, to, cell.z, kind, n);
        }
    }
    ref_rnn_store(call, 1, place, cell.h, kind, n);
    ref_rnn_store(call, 2, place, cell.c, kind, n);
    return XINF_OK;
}

#undef REAL
#undef FN
#undef ACTIVATE
