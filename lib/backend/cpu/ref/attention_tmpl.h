/* attention_tmpl.h — one query row of Attention for one real type: included with REAL, FN(name),
 * KIND and M(function) defined. */

static REAL FN(dot)(const REAL *a, const REAL *b, int64_t count)
{
    REAL s[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int32_t k = 0; k < 8; k++) s[k] += a[i + k] * b[i + k];
    for (; i < count; i++) s[0] += a[i] * b[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* bias[j] of one row; false when no key may be attended. */
static bool FN(bias)(const attention_params *p, const xi_call *call, const xi_attention *a,
                     int64_t b, int64_t h, int64_t i, REAL *bias)
{
    const xi_operand *mask = ref_attention_in(call, XI_ATTENTION_MASK),
                     *lengths = ref_attention_in(call, XI_ATTENTION_LENGTHS);
    int64_t filled = lengths ? ((const int64_t *)lengths->data)[b] : a->total;
    int64_t at = i + (lengths ? filled - a->length : a->past), low = 0, high = filled;
    if (p->left >= 0 && at - p->left > low) low = at - p->left;
    if (p->right >= 0 && p->right < high - at) high = at + p->right + 1;
    if (p->causal && at + 1 < high) high = at + 1;
    int64_t wide = mask ? mask->shape.dim[mask->shape.rank - 1] : a->total;
    if (mask) {
        int64_t from = ref_attention_mask_row(mask, b, h, i) * wide;
        xk_block_load(bias, KIND, mask->data, mask->dtype, from, 1, wide);
        for (int64_t j = 0; mask->dtype == XINF_BOOL && j < wide; j++)
            bias[j] = bias[j] != 0 ? 0 : -(REAL)INFINITY;
    }
    bool open = false;
    for (int64_t j = 0; j < a->total; j++) {
        if (!mask) bias[j] = 0;
        if (j < low || j >= high || j >= wide) bias[j] = -(REAL)INFINITY;
        open = open || !(bias[j] == -(REAL)INFINITY);
    }
    return open;
}

static void FN(softmax)(REAL *x, int64_t count)
{
    REAL most = -(REAL)INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) most = x[i] > most || x[i] != x[i] ? x[i] : most;
    for (int64_t i = 0; i < count; i++) {
        x[i] = M(exp)(x[i] - most);
        sum += x[i];
    }
    for (int64_t i = 0; i < count; i++) x[i] /= sum;
}

static void FN(precision)(const attention_params *p, REAL *x, int64_t count)
{
    if (p->precision == XINF_FLOAT16)
        for (int64_t i = 0; i < count; i++) x[i] = xi_f16_to_f32(xi_f32_to_f16((float)x[i]));
    else if (p->precision == XINF_BFLOAT16)
        for (int64_t i = 0; i < count; i++) x[i] = xi_bf16_to_f32(xi_f32_to_bf16((float)x[i]));
}

/* Row r of [batch · heads · length]. work: q, score, bias, sum, and a row to convert into. */
static void FN(row)(const attention_params *p, const xi_call *call, const xi_attention *a,
                    int64_t r, REAL *work)
{
    int64_t i = r % a->length, h = r / a->length % a->heads, b = r / a->length / a->heads,
            g = h / (a->heads / a->kv_heads);
    REAL *q = work, *score = q + a->depth, *bias = score + a->total, *sum = bias + a->total,
         *row = sum + a->v_depth;
    REAL scale = p->scaled ? (REAL)p->scale : 1 / M(sqrt)((REAL)a->depth);
    const xi_operand *in = call->in[XI_ATTENTION_Q];
    int64_t from = a->flat ? ((b * a->length + i) * a->heads + h) * a->depth : r * a->depth;
    xk_block_load(q, KIND, in->data, in->dtype, from, 1, a->depth);
    for (int64_t d = 0; d < a->depth; d++) q[d] *= scale;
    bool open = FN(bias)(p, call, a, b, h, i, bias);
    for (int64_t j = 0; j < a->total; j++) {
        int64_t place;
        in = ref_attention_cache(call, a, XI_ATTENTION_K, b, g, j, a->depth, &place);
        score[j] = FN(dot)(q, xk_block_read(row, KIND, in->data, in->dtype, place, a->depth),
                           a->depth);
    }
    if (p->mode == 0) ref_attention_store(call, 3, r * a->total, score, KIND, a->total);
    for (int64_t j = 0; p->softcap > 0 && j < a->total; j++)
        score[j] = (REAL)p->softcap * M(tanh)(score[j] / (REAL)p->softcap);
    if (p->mode == 1) ref_attention_store(call, 3, r * a->total, score, KIND, a->total);
    for (int64_t j = 0; j < a->total; j++) score[j] += bias[j];
    if (p->mode == 2) ref_attention_store(call, 3, r * a->total, score, KIND, a->total);
    FN(precision)(p, score, a->total);
    if (open)
        FN(softmax)(score, a->total);
    else
        memset(score, 0, (size_t)a->total * sizeof(REAL));
    if (p->mode == 3) ref_attention_store(call, 3, r * a->total, score, KIND, a->total);
    memset(sum, 0, (size_t)a->v_depth * sizeof(REAL));
    for (int64_t j = 0; j < a->total; j++) {
        int64_t place;
        if (score[j] == 0)
            continue; /* also keys that are masked: what stands there does not count */
        in = ref_attention_cache(call, a, XI_ATTENTION_V, b, g, j, a->v_depth, &place);
        const REAL *v = xk_block_read(row, KIND, in->data, in->dtype, place, a->v_depth);
        for (int64_t d = 0; d < a->v_depth; d++) sum[d] += score[j] * v[d];
    }
    int64_t to = a->flat ? ((b * a->length + i) * a->heads + h) * a->v_depth : r * a->v_depth;
    ref_attention_store(call, 0, to, sum, KIND, a->v_depth);
}

#undef REAL
#undef FN
#undef KIND
#undef M
