/* session.c — inputs checked, outputs placed, states kept; the frame does the walking. */
#include "run/session.h"

#include "base/allocator.h"
#include "base/clock.h"
#include "run/frame.h"

struct xi_session {
    xi_session_config config;
    xi_plan *plan;
    xi_run run;
    xi_pool *pool;
    xi_recycler *recycler;
    xi_frame *frame;
    xinf_tensor **outputs;  /* per output: ours, given again when the caller kept no hold */
    xinf_tensor **states;   /* per state */
    xinf_tensor **renewed;  /* per state, while they are exchanged */
    xinf_tensor **defaults; /* per input: views of the model's default values */
    xi_operand *in;
    void **direct;
    xinf_tensor **results; /* per output, during a run */
    atomic_flag busy;
};

/* ---- making and ending ---- */

static xinf_status session_defaults(xi_session *s, xinf_error *err)
{
    const xi_graph *g = s->config.graph;
    for (int32_t i = 0; i < g->input_count; i++) {
        const xi_literal *l = s->config.defaults ? s->config.defaults[i] : NULL;
        if (!l) continue;
        xinf_status status = xi_tensor_create(&s->defaults[i], &s->config.alloc, l->dtype,
                                              &l->shape, false, err);
        for (int64_t k = 0; status == XINF_OK && l->dtype == XINF_STRING && k < l->count; k++) {
            const xi_str *text = (const xi_str *)l->data + k;
            status = xi_tensor_set_string(s->defaults[i], k, text->ptr, text->len, err);
        }
        if (status != XINF_OK) return status;
        if (l->dtype != XINF_STRING && l->size) memcpy(s->defaults[i]->data, l->data, l->size);
    }
    return XINF_OK;
}

static xinf_status session_start(xi_session *s, xinf_error *err)
{
    const xinf_session_options *o = s->config.options;
    const xi_graph *g = s->config.graph;
    const xinf_allocator *a = &s->config.alloc;
    xinf_status status;
    XI_TRY(xi_pool_create(&s->pool, a, o->threads, o->spin_us, s->config.executor, err));
    XI_TRY(xi_recycler_create(&s->recycler, a, err));
    if (o->memory_limit) xi_recycler_set_limit(s->recycler, (size_t)o->memory_limit);
    s->run = (xi_run){.alloc = *a,
                      .recycle = xi_recycler_allocator(s->recycler),
                      .pool = s->pool,
                      .memory_limit = (size_t)o->memory_limit,
                      .steps_limit = o->max_steps};
    xi_segment segment = {.graph = g,
                          .weights = s->config.weights,
                          .isa = s->config.isa,
                          .width = xi_pool_width(s->pool),
                          .pool = s->pool};
    XI_TRY(s->config.device->compile(&s->plan, &segment, err));
    XI_TRY(xi_frame_create(&s->frame, s->plan, &s->run, err));
    s->outputs = xi_calloc(a, (size_t)g->output_count + 1, sizeof *s->outputs);
    s->results = xi_calloc(a, (size_t)g->output_count + 1, sizeof *s->results);
    s->direct = xi_calloc(a, (size_t)g->output_count + 1, sizeof *s->direct);
    s->states = xi_calloc(a, (size_t)g->state_count + 1, sizeof *s->states);
    s->renewed = xi_calloc(a, (size_t)g->state_count + 1, sizeof *s->renewed);
    s->defaults = xi_calloc(a, (size_t)g->input_count + 1, sizeof *s->defaults);
    s->in = xi_calloc(a, (size_t)g->input_count + 1, sizeof *s->in);
    if (!s->outputs || !s->results || !s->direct || !s->states || !s->renewed || !s->defaults ||
        !s->in)
        XI_TRY(xi_fail_memory(err, sizeof *s->in));
    XI_TRY(session_defaults(s, err));
    XI_TRY(xi_session_reset(s, err));
cleanup:
    return status;
}

xinf_status xi_session_create(xi_session **out, const xi_session_config *config, xinf_error *err)
{
    *out = NULL;
    xi_session *s = xi_calloc(&config->alloc, 1, sizeof *s);
    if (!s) return xi_fail_memory(err, sizeof *s);
    s->config = *config;
    atomic_flag_clear(&s->busy);
    xinf_status status = session_start(s, err);
    s->config.options = NULL; /* the caller's; not needed any more */
    if (status == XINF_OK)
        *out = s;
    else
        xi_session_destroy(s);
    return status;
}

static void session_free_tensors(const xinf_allocator *a, xinf_tensor **list, int32_t count)
{
    for (int32_t i = 0; list && i < count; i++) xinf_tensor_destroy(list[i]);
    xi_free(a, list, ((size_t)count + 1) * sizeof *list);
}

void xi_session_destroy(xi_session *s)
{
    if (!s) return;
    xinf_allocator a = s->config.alloc;
    const xi_graph *g = s->config.graph;
    session_free_tensors(&a, s->outputs, g->output_count);
    session_free_tensors(&a, s->states, g->state_count);
    session_free_tensors(&a, s->renewed, g->state_count);
    session_free_tensors(&a, s->defaults, g->input_count);
    xi_free(&a, s->results, ((size_t)g->output_count + 1) * sizeof *s->results);
    xi_free(&a, s->direct, ((size_t)g->output_count + 1) * sizeof *s->direct);
    xi_free(&a, s->in, ((size_t)g->input_count + 1) * sizeof *s->in);
    xi_frame_destroy(s->frame);
    xi_plan_destroy(s->plan);
    xi_recycler_close(s->recycler);
    xi_pool_destroy(s->pool);
    xi_free(&a, s, sizeof *s);
}

xinf_status xi_session_reset(xi_session *s, xinf_error *err)
{
    const xi_graph *g = s->config.graph;
    for (int32_t i = 0; i < g->state_count; i++) {
        const xi_literal *l = g->states[i].initial;
        if (!s->states[i] || !xi_shape_eq(&s->states[i]->shape, &l->shape)) {
            xinf_tensor_destroy(s->states[i]);
            s->states[i] = NULL;
            xinf_status status = xi_tensor_create(&s->states[i], &s->config.alloc, l->dtype,
                                                  &l->shape, false, err);
            if (status != XINF_OK) return status;
        }
        if (l->size) memcpy(s->states[i]->data, l->data, l->size);
    }
    return XINF_OK;
}

/* ---- inputs ---- */

static xinf_status session_mismatch(const xi_value *v, const xinf_tensor *t, const char *what,
                                    xinf_error *err)
{
    char want[160], came[160];
    return xi_fail(err, XINF_MISMATCH, "input \"%.*s\": %s: %s%s is wanted, %s%s came",
                   XI_STR_ARG(v->name), what, xinf_dtype_name(v->type.dtype),
                   xi_shape_text(&v->type.shape, want, sizeof want), xinf_dtype_name(t->dtype),
                   xi_shape_text(&t->shape, came, sizeof came));
}

/* Symbols stand for one size in all inputs of a run. */
static xinf_status session_check_symbols(const xi_session *s, int32_t upto, const xi_value *v,
                                         const xinf_tensor *t, int32_t axis, xinf_error *err)
{
    const xi_graph *g = s->config.graph;
    for (int32_t i = 0; i <= upto; i++)
        for (int32_t k = 0; k < g->inputs[i]->type.shape.rank; k++) {
            if (g->inputs[i]->type.shape.dim[k] != v->type.shape.dim[axis] ||
                s->in[i].kind != XINF_KIND_TENSOR)
                continue;
            if (i == upto && k >= axis) return XINF_OK;
            int64_t before = s->in[i].shape.dim[k];
            const xi_str *name = xi_family_symbol_name(g->family, v->type.shape.dim[axis]);
            if (before != t->shape.dim[axis])
                return xi_fail(
                    err, XINF_MISMATCH,
                    "input \"%.*s\": dimension \"%.*s\" is %lld here and %lld in input \"%.*s\"",
                    XI_STR_ARG(v->name), XI_STR_ARG(name ? *name : XI_STR("?")),
                    (long long)t->shape.dim[axis], (long long)before,
                    XI_STR_ARG(g->inputs[i]->name));
            return XINF_OK;
        }
    return XINF_OK;
}

static xinf_status session_check_input(xi_session *s, int32_t i, const xinf_tensor *t,
                                       xinf_error *err)
{
    const xi_value *v = s->config.graph->inputs[i];
    const xi_type *want = &v->type;
    if (t->kind == XINF_KIND_NONE && want->optional) return XINF_OK;
    if (t->kind != want->kind)
        return xi_fail(err, XINF_MISMATCH, "input \"%.*s\": a %s is wanted", XI_STR_ARG(v->name),
                       want->kind == XINF_KIND_TENSOR     ? "tensor"
                       : want->kind == XINF_KIND_SEQUENCE ? "sequence"
                                                          : "map");
    if (t->kind != XINF_KIND_TENSOR) return XINF_OK;
    if (want->dtype != XINF_UNDEFINED && want->dtype != t->dtype)
        return session_mismatch(v, t, "wrong dtype", err);
    if (want->shape.rank < 0) return XINF_OK;
    if (want->shape.rank != t->shape.rank) return session_mismatch(v, t, "wrong rank", err);
    for (int32_t k = 0; k < t->shape.rank; k++) {
        if (want->shape.dim[k] >= 0 && want->shape.dim[k] != t->shape.dim[k])
            return session_mismatch(v, t, "wrong shape", err);
        if (want->shape.dim[k] > XI_DIM_UNKNOWN - 1) continue;
        xinf_status status = session_check_symbols(s, i, v, t, k, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

static xinf_status session_bind_inputs(xi_session *s, xinf_tensor *const *inputs, xinf_error *err)
{
    const xi_graph *g = s->config.graph;
    for (int32_t i = 0; i < g->input_count; i++) {
        xinf_tensor *t = inputs && inputs[i] ? inputs[i] : s->defaults[i];
        if (!t)
            return xi_fail(err, XINF_MISMATCH, "input \"%.*s\" is missing",
                           XI_STR_ARG(g->inputs[i]->name));
        s->in[i] = xi_operand_of(t);
        xinf_status status = session_check_input(s, i, t, err);
        if (status != XINF_OK) return status;
    }
    return xi_frame_bind(s->frame, s->in, err);
}

/* ---- outputs ---- */

static xinf_status session_check_output(const xi_value *v, const xinf_tensor *t, xinf_dtype dtype,
                                        const xi_shape *shape, xinf_error *err)
{
    char want[160], came[160];
    if (t->kind == XINF_KIND_TENSOR && t->dtype == dtype && xi_shape_eq(&t->shape, shape))
        return XINF_OK;
    return xi_fail(err, XINF_MISMATCH, "output \"%.*s\" is %s%s, the tensor given for it is %s%s",
                   XI_STR_ARG(v->name), xinf_dtype_name(dtype),
                   xi_shape_text(shape, want, sizeof want), xinf_dtype_name(t->dtype),
                   xi_shape_text(&t->shape, came, sizeof came));
}

/* Our own tensor for output k: last run's when the caller kept no hold on it and it fits. */
static xinf_status session_own_output(xi_session *s, int32_t k, xinf_dtype dtype,
                                      const xi_shape *shape, xinf_tensor **out, xinf_error *err)
{
    xinf_tensor *t = s->outputs[k];
    if (!t || atomic_load_explicit(&t->refs, memory_order_acquire) != 1 ||
        t->kind != XINF_KIND_TENSOR || t->dtype != dtype || !xi_shape_eq(&t->shape, shape)) {
        xinf_tensor_destroy(t);
        s->outputs[k] = NULL;
        xinf_status status = xi_tensor_create(&s->outputs[k], &s->run.recycle, dtype, shape, false,
                                              err);
        if (status != XINF_OK) return status;
    }
    *out = s->outputs[k];
    return XINF_OK;
}

/* Two outputs may not be written into one buffer, nor an output over an input that other steps
 * still read. */
static bool session_overlaps(const xi_session *s, const xinf_tensor *t, xinf_tensor *const *outputs,
                             int32_t k)
{
    const char *first = t->data, *last = first + t->size;
    for (int32_t i = 0; i < s->config.graph->input_count; i++) {
        const xi_operand *o = &s->in[i];
        if (o->kind != XINF_KIND_TENSOR || !o->tensor || !o->tensor->size || !t->size) continue;
        const char *a = o->data;
        if (a < last && first < a + o->tensor->size) return true;
    }
    for (int32_t j = 0; j < k; j++)
        if (outputs[j] && outputs[j]->size && t->size && (char *)outputs[j]->data < last &&
            first < (char *)outputs[j]->data + outputs[j]->size)
            return true;
    return false;
}

/* Where each output that a planned step computes is written. */
static xinf_status session_place_outputs(xi_session *s, xinf_tensor **outputs, xinf_error *err)
{
    const xi_graph *g = s->config.graph;
    for (int32_t k = 0; k < g->output_count; k++) {
        const xi_bound_slot *slot = &s->frame->bound->slots[s->plan->outputs[k]];
        s->direct[k] = NULL;
        s->results[k] = NULL;
        if (outputs[k] && slot->sized) {
            xinf_status status = session_check_output(g->outputs[k], outputs[k], slot->type.dtype,
                                                      &slot->type.shape, err);
            if (status != XINF_OK) return status;
        }
        if (!xi_frame_output_direct(s->frame, k)) {
            /* Last run's output ends here: its memory serves this run, which sizes this output only
             * when it gets there. */
            if (!slot->sized) {
                xinf_tensor_destroy(s->outputs[k]);
                s->outputs[k] = NULL;
            }
            continue;
        }
        xinf_tensor *t = outputs[k];
        if (!t || session_overlaps(s, t, outputs, k)) {
            xinf_status status = session_own_output(s, k, slot->type.dtype, &slot->type.shape, &t,
                                                    err);
            if (status != XINF_OK) return status;
        }
        s->results[k] = t;
        s->direct[k] = t->data;
    }
    return XINF_OK;
}

static xinf_status session_copy_elements(xinf_tensor *dst, const xi_operand *src, xinf_error *err)
{
    if (src->dtype != XINF_STRING) {
        if (dst->size && dst->data != src->data) memmove(dst->data, src->data, dst->size);
        return XINF_OK;
    }
    for (int64_t i = 0; i < src->count; i++) {
        const xi_str *text = (const xi_str *)src->data + i;
        xinf_status status = xi_tensor_set_string(dst, i, text->ptr, text->len, err);
        if (status != XINF_OK) return status;
    }
    return XINF_OK;
}

static bool session_is_input(const xi_session *s, const xinf_tensor *t)
{
    for (int32_t i = 0; i < s->config.graph->input_count; i++)
        if (s->in[i].tensor == t) return true;
    return false;
}

/* Makes output k a tensor: what the run computed in place, a value sized in the run, or a copy of
 * an input, constant or view. */
static xinf_status session_finish_output(xi_session *s, int32_t k, xinf_tensor *given,
                                         xinf_error *err)
{
    const xi_operand *o = xi_frame_output(s->frame, k);
    const xi_value *v = s->config.graph->outputs[k];
    xinf_status status;
    if (given) {
        if (o->kind != XINF_KIND_TENSOR)
            return xi_fail(err, XINF_MISMATCH, "output \"%.*s\" is not a tensor",
                           XI_STR_ARG(v->name));
        status = session_check_output(v, given, o->dtype, &o->shape, err);
        return status == XINF_OK ? session_copy_elements(given, o, err) : status;
    }
    if (s->results[k]) return XINF_OK;
    if (o->kind == XINF_KIND_TENSOR && !(o->tensor && !session_is_input(s, o->tensor) &&
                                         xi_shape_eq(&o->tensor->shape, &o->shape))) {
        status = session_own_output(s, k, o->dtype, &o->shape, &s->results[k], err);
        return status == XINF_OK ? session_copy_elements(s->results[k], o, err) : status;
    }
    xinf_tensor *t;
    status = o->tensor && session_is_input(s, o->tensor)
                 ? xi_tensor_copy(&t, &s->run.recycle, o->tensor, err)
                 : xi_operand_take(o, &s->run.recycle, &t, err);
    if (status != XINF_OK) return status;
    xinf_tensor_destroy(s->outputs[k]);
    s->outputs[k] = s->results[k] = t;
    return XINF_OK;
}

/* States of another size: all are new then, because one may be made of another's old contents.
 * *done: they were. */
static xinf_status session_renew_states(xi_session *s, bool *done, xinf_error *err)
{
    int32_t count = s->config.graph->state_count;
    xinf_status status = XINF_OK;
    *done = false;
    for (int32_t i = 0; i < count; i++)
        *done = *done || !xi_shape_eq(&s->frame->operands[s->plan->state_written[i]].shape,
                                      &s->states[i]->shape);
    for (int32_t i = 0; *done && i < count; i++) {
        const xi_operand *o = &s->frame->operands[s->plan->state_written[i]];
        XI_TRY(xi_tensor_create(&s->renewed[i], &s->config.alloc, o->dtype, &o->shape, false, err));
        if (s->renewed[i]->size) memcpy(s->renewed[i]->data, o->data, s->renewed[i]->size);
    }
cleanup:
    for (int32_t i = 0; *done && i < count; i++) {
        xinf_tensor *gone = status == XINF_OK ? s->states[i] : s->renewed[i];
        if (status == XINF_OK) s->states[i] = s->renewed[i];
        s->renewed[i] = NULL;
        xinf_tensor_destroy(gone);
    }
    return status;
}

static xinf_status session_finish(xi_session *s, xinf_tensor **outputs, xinf_error *err)
{
    const xi_graph *g = s->config.graph;
    xinf_status status = XINF_OK;
    for (int32_t k = 0; k < g->output_count; k++)
        XI_TRY(session_finish_output(s, k, outputs[k], err));
    for (int32_t i = 0; i < g->state_count; i++) {
        const xi_operand *o = &s->frame->operands[s->plan->state_written[i]];
        bool same = xi_shape_eq(&o->shape, &s->states[i]->shape),
             open = !xi_shape_known(&g->states[i].read->type.shape);
        if (o->dtype != s->states[i]->dtype || (!same && !open))
            XI_TRY(xi_fail(err, XINF_RUN_ERROR, "state \"%.*s\" changes its shape",
                           XI_STR_ARG(g->states[i].name)));
    }
    bool renewed;
    XI_TRY(session_renew_states(s, &renewed, err));
    for (int32_t i = 0; i < g->state_count && !renewed; i++) {
        const xi_operand *o = &s->frame->operands[s->plan->state_written[i]];
        if (s->states[i]->size) memmove(s->states[i]->data, o->data, s->states[i]->size);
    }
    for (int32_t k = 0; k < g->output_count; k++)
        if (!outputs[k]) outputs[k] = xinf_tensor_retain(s->results[k]);
cleanup:
    return status;
}

/* ---- running ---- */

static xinf_status session_walk(xi_session *s, xinf_tensor *const *inputs, xinf_tensor **outputs,
                                xinf_error *err)
{
    xinf_status status;
    const xi_graph *g = s->config.graph;
    XI_TRY(session_bind_inputs(s, inputs, err));
    for (int32_t i = 0; i < g->state_count; i++)
        s->frame->operands[s->plan->state_read[i]] = xi_operand_of(s->states[i]);
    XI_TRY(session_place_outputs(s, outputs, err));
    xi_pool_begin(s->pool);
    status = xi_frame_run(s->frame, s->direct, err);
    xi_pool_end(s->pool);
    if (status == XINF_OK) status = session_finish(s, outputs, err);
cleanup:
    xi_frame_release(s->frame);
    return status;
}

xinf_status xi_session_run(xi_session *s, xinf_tensor *const *inputs, xinf_tensor **outputs,
                           const xinf_run_options *options, atomic_int *cancel, xinf_error *err)
{
    if (atomic_flag_test_and_set_explicit(&s->busy, memory_order_acquire))
        return xi_fail(err, XINF_BUSY, "the session is running on another thread");
    s->run.options = options;
    s->run.cancel = cancel;
    s->run.deadline_ns = options && options->deadline_us
                             ? xi_clock_ns() + options->deadline_us * 1000
                             : 0;
    s->run.steps_left = s->run.steps_limit ? s->run.steps_limit : UINT64_MAX;
    s->run.step_index = 0;
    xinf_status status = session_walk(s, inputs, outputs, err);
    atomic_flag_clear_explicit(&s->busy, memory_order_release);
    return status;
}

xinf_status xi_session_warm(xi_session *s, xinf_error *err)
{
    const xi_graph *g = s->config.graph;
    for (int32_t i = 0; i < g->input_count; i++) {
        const xi_type *t = &g->inputs[i]->type;
        if (t->kind != XINF_KIND_TENSOR || !xi_shape_known(&t->shape)) return XINF_OK;
        s->in[i] = (xi_operand){.dtype = t->dtype, .shape = t->shape, .kind = t->kind};
        xi_shape_count(&t->shape, &s->in[i].count);
    }
    return xi_frame_bind(s->frame, s->in, err);
}

void xi_session_memory(const xi_session *s, uint64_t *out_arena, uint64_t *out_other)
{
    *out_arena = s->run.memory_used;
    *out_other = xi_recycler_bytes(s->recycler);
}

const xi_plan *xi_session_plan(const xi_session *s)
{
    return s->plan;
}
