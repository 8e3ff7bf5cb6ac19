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

/* What a tensor of this type holds of each number; types of 32 and 64 bits hold it whole. */
static void FN(narrow)(xinf_dtype dtype, REAL *x, int64_t count)
{
    if (dtype == XINF_FLOAT16)
        for (int64_t i = 0; i < count; i++) x[i] = xi_f16_to_f32(xi_f32_to_f16((float)x[i]));
    else if (dtype == XINF_BFLOAT16)
        for (int64_t i = 0; i < count; i++) x[i] = xi_bf16_to_f32(xi_f32_to_bf16((float)x[i]));
}

static void FN(softmax)(REAL *x, int64_t count, xinf_dtype dtype)
{
    REAL most = -(REAL)INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) most = x[i] > most || x[i] != x[i] ? x[i] : most;
    for (int64_t i = 0; i < count; i++) x[i] -= most;
    FN(narrow)(dtype, x, count);
    for (int64_t i = 0; i < count; i++) x[i] = M(exp)(x[i]);
    FN(narrow)(dtype, x, count);
    for (int64_t i = 0; i < count; i++) sum += x[i];
    FN(narrow)(dtype, &sum, 1);
    for (int64_t i = 0; i < count; i++) x[i] /= sum;
    FN(narrow)(dtype, x, count);
}

/* softcap · tanh(score / softcap) */
static void FN(softcap)(const attention_params *p, REAL *x, int64_t count, xinf_dtype dtype)
{
    REAL cap = (REAL)p->softcap;
    FN(narrow)(dtype, &cap, 1);
    for (int64_t i = 0; i < count; i++) x[i] /= cap;
    FN(narrow)(dtype, x, count);
    for (int64_t i = 0; i < count; i++) x[i] = M(tanh)(x[i]);
    FN(narrow)(dtype, x, count);
    for (int64_t i = 0; i < count; i++) x[i] *= cap;
    FN(narrow)(dtype, x, count);
}

/* score[j] = q · k[j]. The definition scales both operands by the root of the scale; where their
 * type is narrow that decides what is rounded. */
static void FN(scores)(const attention_params *p, const xi_call *call, const xi_attention *a,
                       int64_t b, int64_t g, REAL *q, REAL *score, REAL *row)
{
    xinf_dtype dtype = call->in[XI_ATTENTION_Q]->dtype;
    bool narrow = dtype == XINF_FLOAT16 || dtype == XINF_BFLOAT16;
    REAL scale = p->scaled ? (REAL)p->scale : 1 / M(sqrt)((REAL)a->depth);
    if (narrow) {
        scale = M(sqrt)(scale);
        FN(narrow)(dtype, &scale, 1);
    }
    for (int64_t d = 0; d < a->depth; d++) q[d] *= scale;
    FN(narrow)(dtype, q, a->depth);
    for (int64_t j = 0; j < a->total; j++) {
        int64_t place;
        const xi_operand *in = ref_attention_cache(call, a, XI_ATTENTION_K, b, g, j, a->depth,
                                                   &place);
        const REAL *k = xk_block_read(row, KIND, in->data, in->dtype, place, a->depth);
        if (narrow) { /* read into row, then */
            for (int64_t d = 0; d < a->depth; d++) row[d] *= scale;
            FN(narrow)(dtype, row, a->depth);
        }
        score[j] = FN(dot)(q, k, a->depth);
    }
    FN(narrow)(dtype, score, a->total);
}

/* Row r of [batch · heads · length]. work: q, score, bias, sum, and a row to convert into. */
static void FN(row)(const attention_params *p, const xi_call *call, const xi_attention *a,
                    int64_t r, REAL *work)
{
    int64_t i = r % a->length, h = r / a->length % a->heads, b = r / a->length / a->heads,
            g = h / (a->heads / a->kv_heads);
    REAL *q = work, *score = q + a->depth, *bias = score + a->total, *sum = bias + a->total,
         *row = sum + a->v_depth;
    const xi_operand *in = call->in[XI_ATTENTION_Q];
    xinf_dtype dtype = in->dtype, soft = p->precision ? (xinf_dtype)p->precision : dtype;
    int64_t from = a->flat ? ((b * a->length + i) * a->heads + h) * a->depth : r * a->depth;
    xk_block_load(q, KIND, in->data, dtype, from, 1, a->depth);
    bool open = FN(bias)(p, call, a, b, h, i, bias);
    FN(scores)(p, call, a, b, g, q, score, row);
    if (p->mode == 0) ref_attention_store(call, 3, r * a->total, score, KIND, a->total);
    if (p->softcap > 0) FN(softcap)(p, score, a->total, dtype);
    if (p->mode == 1) ref_attention_store(call, 3, r * a->total, score, KIND, a->total);
    for (int64_t j = 0; j < a->total; j++) score[j] += bias[j];
    FN(narrow)(dtype, score, a->total);
    if (p->mode == 2) ref_attention_store(call, 3, r * a->total, score, KIND, a->total);
    FN(narrow)(soft, score, a->total);
    if (open)
        FN(softmax)(score, a->total, soft);
    else
        memset(score, 0, (size_t)a->total * sizeof(REAL));
    FN(narrow)(dtype, score, a->total);
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
