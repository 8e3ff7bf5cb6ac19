/* fuse.c — epilogues of convolutions and matrix products. */
#include "passes/fuse.h"

#include "graph/op/activation.h"
#include "passes/pattern.h"

typedef struct fuse_state {
    xi_pass_context *context;
    xi_consumers consumers;
} fuse_state;

/* What was found behind a node: the fused node stands where `last` stood. */
typedef struct fuse_found {
    xi_node *last;
    xi_value *bias, *residual;
    xi_str activation;
    float params[2];
    int32_t param_count;
} fuse_found;

static bool fuse_scalar(const xi_value *v, float *out)
{
    if (!v->literal || v->literal->dtype != XINF_FLOAT32 || v->literal->count != 1) return false;
    memcpy(out, v->literal->data, sizeof *out);
    return true;
}

/* Clip with constant bounds; a bound left out is the largest number. */
static bool fuse_clip(const xi_node *n, fuse_found *f)
{
    const xi_value *low = xi_node_input(n, 1), *high = xi_node_input(n, 2);
    f->params[0] = -3.40282347e38f;
    f->params[1] = 3.40282347e38f;
    f->param_count = 2;
    return (!low || fuse_scalar(low, &f->params[0])) && (!high || fuse_scalar(high, &f->params[1]));
}

static bool fuse_read_activation(const xi_node *n, fuse_found *f)
{
    xi_activation a;
    f->param_count = 0;
    f->activation = n->op_name;
    if (n->domain.len || !n->op || n->refused) return false;
    if (xi_node_is(n, "Clip")) return fuse_clip(n, f);
    if (n->input_count != 1 || !xi_activation_find(&a, n->op_name, &f->param_count)) return false;
    if (a.kind == XI_ACTIVATION_NONE || a.kind == XI_ACTIVATION_AFFINE || a.kind == XI_ACTIVATION_SCALED_TANH) return false;
    if (xi_node_is(n, "Gelu") && xi_str_is(xi_node_string(n, "approximate", "none"), "tanh")) f->activation = XI_STR("GeluTanh");
    f->params[0] = xi_node_float(n, "alpha", a.alpha);
    f->params[1] = xi_node_float(n, "beta", a.beta);
    return true;
}

static void fuse_take_activation(const fuse_state *s, fuse_found *f)
{
    fuse_found with = *f;
    xi_node *n = xi_consumers_only(&s->consumers, f->last->outputs[0]);
    if (!n || n->inputs[0] != f->last->outputs[0] || !fuse_read_activation(n, &with)) return;
    *f = with;
    f->last = n;
}

static xi_value *fuse_add_other(const fuse_state *s, const fuse_found *f, xi_node **add)
{
    const xi_value *v = f->last->outputs[0];
    *add = xi_consumers_only(&s->consumers, v);
    if (!*add || !xi_node_is(*add, "Add")) return NULL;
    return (*add)->inputs[0] == v ? (*add)->inputs[1] : (*add)->inputs[0];
}

static void fuse_take_residual(const fuse_state *s, fuse_found *f)
{
    xi_node *add;
    xi_value *other = fuse_add_other(s, f, &add);
    if (!other || other->literal || !xi_pattern_float32(other) || !xi_pattern_same_shape(other, f->last->outputs[0])) return;
    f->residual = other;
    f->last = add;
}

/* A constant with one number for each column of the product. */
static void fuse_take_bias(const fuse_state *s, fuse_found *f)
{
    xi_node *add;
    xi_value *other = fuse_add_other(s, f, &add);
    const xi_shape *y = &f->last->outputs[0]->type.shape;
    if (!other || !other->literal || !xi_pattern_float32(other) || y->rank < 2) return;
    const xi_shape *b = &other->literal->shape;
    if (b->rank < 1 || b->rank > y->rank || b->dim[b->rank - 1] != y->dim[y->rank - 1] || other->literal->count != b->dim[b->rank - 1]) return;
    f->bias = other;
    f->last = add;
}

/* The fused node takes the place of the last one; the others go. */
static xinf_status fuse_replace(fuse_state *s, xi_node *n, const fuse_found *f, const char *op_name)
{
    xi_node *chain[4] = {n};
    int32_t count = 1;
    bool conv = xi_node_is(n, "Conv");
    for (xi_node *at = n; at != f->last && count < 4; count++) at = chain[count] = xi_consumers_only(&s->consumers, at->outputs[0]);
    xi_value *inputs[4] = {n->inputs[0], n->inputs[1], f->bias ? f->bias : xi_node_input(n, 2), f->residual};
    xi_node *fused = xi_pattern_replace(f->last, XI_STR("xinf"), xi_str_of(op_name), f->residual ? 4 : inputs[2] ? 3 : 2, n->attr_count + 2);
    float *params = xi_arena_array(n->graph->arena, 2, sizeof *params);
    if (!fused || !params) return xi_fail_memory(s->context->err, sizeof *n);
    for (int32_t i = 0; i < fused->input_count; i++) fused->inputs[i] = inputs[i];
    for (int32_t i = 0; i < n->attr_count; i++) {
        if (!conv && xi_str_is(n->attrs[i].name, "beta")) continue; /* 1, as the caller has seen */
        fused->attrs[fused->attr_count++] = n->attrs[i];
    }
    if (f->activation.len) xi_node_set_string(fused, "activation", f->activation);
    if (f->param_count) {
        memcpy(params, f->params, sizeof f->params);
        fused->attrs[fused->attr_count++] = (xi_attr){.name = XI_STR("activation_params"), .type = XI_ATTR_FLOATS, .count = f->param_count,
                                                      .floats = params};
    }
    fused->name = n->name;
    for (int32_t i = 0; i + 1 < count; i++) xi_node_remove(chain[i]);
    for (int32_t i = 0; i < fused->input_count; i++)
        if (fused->inputs[i] && fused->inputs[i]->id < s->consumers.size) s->consumers.of[fused->inputs[i]->id] = fused;
    s->context->changes++;
    return XINF_OK;
}

static xinf_status fuse_conv(fuse_state *s, xi_node *n)
{
    fuse_found f = {.last = n};
    if (!xi_node_is(n, "Conv") || n->refused || !xi_pattern_float32(n->outputs[0])) return XINF_OK;
    fuse_take_residual(s, &f);
    fuse_take_activation(s, &f);
    return f.last == n ? XINF_OK : fuse_replace(s, n, &f, "FusedConv");
}

/* Gemm whose third input is a plain bias. */
static bool fuse_gemm_is_plain(const xi_node *n)
{
    const xi_value *b = xi_node_input(n, 2);
    const xi_shape *y = &n->outputs[0]->type.shape;
    if (xi_node_float(n, "beta", 1) != 1) return false;
    return !b || (b->type.shape.rank == 1 && y->rank == 2 && b->type.shape.dim[0] == y->dim[1] && y->dim[1] > 0);
}

static xinf_status fuse_matmul(fuse_state *s, xi_node *n)
{
    fuse_found f = {.last = n};
    bool gemm = xi_node_is(n, "Gemm");
    if ((!gemm && !xi_node_is(n, "MatMul")) || n->refused || !xi_pattern_float32(n->outputs[0])) return XINF_OK;
    if (n->inputs[0]->type.shape.rank < 2 || n->inputs[1]->type.shape.rank < 2 || (gemm && !fuse_gemm_is_plain(n))) return XINF_OK;
    if (!gemm) fuse_take_bias(s, &f);
    fuse_take_residual(s, &f);
    fuse_take_activation(s, &f);
    return f.last == n ? XINF_OK : fuse_replace(s, n, &f, "FusedMatMul");
}

static xinf_status fuse_graph(xi_pass_context *c, xi_graph *g, xinf_status (*fuse)(fuse_state *, xi_node *))
{
    fuse_state s = {.context = c};
    xinf_status status;
    XI_TRY(xi_consumers_find(&s.consumers, g, c->err));
    /* Backwards: of two convolutions that meet in an Add, the later one takes it, and nothing that follows is touched twice. */
    for (xi_node *n = g->last, *before; n && status == XINF_OK; n = before) {
        before = n->prev;
        for (int32_t a = 0; a < n->attr_count && status == XINF_OK; a++)
            if (n->attrs[a].type == XI_ATTR_GRAPH) status = fuse_graph(c, n->attrs[a].graph, fuse);
        if (status == XINF_OK && n->output_count && n->outputs[0]) status = fuse(&s, n);
    }
    xi_consumers_end(&s.consumers);
cleanup:
    return status;
}

xinf_status xi_pass_fuse_conv(xi_pass_context *c)
{
    return fuse_graph(c, c->graph, fuse_conv);
}

xinf_status xi_pass_fuse_matmul(xi_pass_context *c)
{
    return fuse_graph(c, c->graph, fuse_matmul);
}
