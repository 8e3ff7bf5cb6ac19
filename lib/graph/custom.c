/* custom.c — operators that the application brings: their list, their shape rule, and what
 * callbacks may ask of a node. */
#include "graph/custom.h"

#include "base/allocator.h"

_Static_assert((int)XINF_MAX_RANK == (int)XI_MAX_RANK, "the header's rank is the library's");

/* ---- shape ---- */

/* Symbols are the library's affair: callbacks see a dimension that is not known. */
static xinf_status custom_input(xi_infer *c, int32_t i, xinf_operand *o, int64_t *dims)
{
    const xi_type *t = c->in[i];
    const xi_literal *known = c->known[i];
    *o = (xinf_operand){.shape = dims, .rank = -1, .count = -1};
    if (!t) return XINF_OK;
    if (t->dtype == XINF_STRING)
        return xi_infer_unsupported(
            c, "input %d holds strings, which operators of the application do not take", (int)i);
    o->present = 1;
    o->dtype = t->dtype;
    o->rank = t->shape.rank;
    for (int32_t k = 0; k < o->rank; k++) dims[k] = t->shape.dim[k] < 0 ? -1 : t->shape.dim[k];
    if (xi_shape_known(&t->shape)) xi_shape_count(&t->shape, &o->count);
    if (known && known->dtype == t->dtype && known->count == o->count)
        o->data = (void *)(uintptr_t)known->data;
    return XINF_OK;
}

static xinf_status custom_output(xi_infer *c, int32_t i, const xinf_operand *o)
{
    xi_shape s = {.rank = o->rank < 0 ? -1 : o->rank};
    if (!c->node->outputs[i]) return XINF_OK;
    if (o->rank > XI_MAX_RANK)
        return xi_infer_fail(c, "its shape callback gave output %d rank %d", (int)i, (int)o->rank);
    if (o->dtype == XINF_STRING || (o->dtype != XINF_UNDEFINED && !xinf_dtype_size(o->dtype)))
        return xi_infer_fail(c, "its shape callback gave output %d the type %d", (int)i,
                             (int)o->dtype);
    for (int32_t k = 0; k < s.rank; k++) s.dim[k] = o->shape[k] < 0 ? XI_DIM_UNKNOWN : o->shape[k];
    xi_infer_set(c, i, o->dtype, &s);
    return XINF_OK;
}

static xinf_status custom_infer(xi_infer *c)
{
    const xinf_operator *given = &xi_custom_of(c->node)->given;
    xinf_operand in[XINF_MAX_OPERANDS], out[XINF_MAX_OPERANDS];
    int64_t in_dims[XINF_MAX_OPERANDS][XI_MAX_RANK] = {{0}},
            out_dims[XINF_MAX_OPERANDS][XI_MAX_RANK] = {{0}};
    xinf_error said = XINF_ERROR_INIT;
    xinf_status status;
    if (c->input_count > XINF_MAX_OPERANDS || c->output_count > XINF_MAX_OPERANDS)
        return xi_infer_fail(c, "too many inputs or outputs");
    for (int32_t i = 0; i < c->input_count; i++) XI_TRY(custom_input(c, i, &in[i], in_dims[i]));
    for (int32_t i = 0; i < c->output_count; i++)
        out[i] = (xinf_operand){
            .shape = out_dims[i], .rank = -1, .count = -1, .present = c->node->outputs[i] != NULL};
    status = given->shape(given->self, (const xinf_node *)c->node, in, c->input_count, out,
                          c->output_count, &said);
    XI_TRY(xi_custom_answer(c->node, status, &said, c->err));
    for (int32_t i = 0; i < c->output_count; i++) XI_TRY(custom_output(c, i, &out[i]));
cleanup:
    return status;
}

xinf_status xi_custom_answer(const xi_node *n, xinf_status status, xinf_error *said,
                             xinf_error *err)
{
    if (status == XINF_OK) return XINF_OK;
    if (status < XINF_OK || status > XINF_INTERNAL) status = XINF_RUN_ERROR;
    said->message[sizeof said->message - 1] = 0;
    return xi_fail(err, status, "node %.*s (%.*s): %s", XI_STR_ARG(xi_node_label(n)),
                   XI_STR_ARG(n->op_name),
                   said->message[0] ? said->message : xinf_status_name(status));
}

/* ---- the list ---- */

static bool custom_arity(int32_t low, int32_t high, int32_t least)
{
    return low >= least && low <= high && high <= XINF_MAX_OPERANDS;
}

static xinf_status custom_check(const xi_customs *list, const xinf_operator *o, xinf_error *err)
{
    static const char *const own[] = {"", "ai.onnx", "ai.onnx.ml", "xinf"};
    if (!o->domain || !o->name || !o->name[0] || !o->shape || !o->compute)
        return xi_fail(err, XINF_INVALID_ARGUMENT,
                       "an operator needs a domain, a name and both callbacks");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(o->domain, own[i]) == 0)
            return xi_fail(err, XINF_INVALID_ARGUMENT,
                           "operator %s: the domain \"%s\" is the library's", o->name, o->domain);
    if (!custom_arity(o->min_inputs, o->max_inputs, 0) ||
        !custom_arity(o->min_outputs, o->max_outputs, 1))
        return xi_fail(err, XINF_INVALID_ARGUMENT,
                       "operator %s.%s: its counts of inputs and outputs do not fit 0…%d and 1…%d",
                       o->domain, o->name, XINF_MAX_OPERANDS, XINF_MAX_OPERANDS);
    xi_str domain = xi_str_of(o->domain), name = xi_str_of(o->name);
    if (xi_op_find(domain, name) || xi_customs_find(list, domain, name))
        return xi_fail(err, XINF_INVALID_ARGUMENT, "there is an operator %s.%s already", o->domain,
                       o->name);
    return XINF_OK;
}

xinf_status xi_customs_add(xi_customs *list, const xinf_allocator *alloc,
                           const xinf_operator *given, xinf_error *err)
{
    xinf_status status = custom_check(list, given, err);
    if (status != XINF_OK) return status;
    size_t domain = strlen(given->domain) + 1, name = strlen(given->name) + 1,
           size = sizeof(xi_custom) + domain + name;
    xi_custom *made = xi_calloc(alloc, 1, size);
    if (!made) return xi_fail_memory(err, size);
    made->size = size;
    made->given = *given;
    made->given.domain = memcpy((char *)(made + 1), given->domain, domain);
    made->given.name = memcpy((char *)(made + 1) + domain, given->name, name);
    made->op = (xi_op){.domain = made->given.domain,
                       .name = made->given.name,
                       .min_inputs = given->min_inputs,
                       .max_inputs = given->max_inputs,
                       .min_outputs = given->min_outputs,
                       .max_outputs = given->max_outputs,
                       .infer = custom_infer,
                       .flags = XI_OP_CUSTOM};
    made->next = atomic_load(&list->first);
    do { /* another thread may have added one of this name meanwhile */
        status = custom_check(list, given, err);
        if (status == XINF_OK) continue;
        xi_free(alloc, made, size);
        return status;
    } while (!atomic_compare_exchange_weak(&list->first, &made->next, made));
    return XINF_OK;
}

void xi_customs_end(xi_customs *list, const xinf_allocator *alloc)
{
    xi_custom *c = atomic_load(&list->first);
    while (c) {
        xi_custom *next = c->next;
        if (c->given.release) c->given.release(c->given.self);
        xi_free(alloc, c, c->size);
        c = next;
    }
    atomic_store(&list->first, NULL);
}

const xi_op *xi_customs_find(const xi_customs *list, xi_str domain, xi_str name)
{
    for (const xi_custom *c = list ? atomic_load(&list->first) : NULL; c; c = c->next)
        if (xi_str_is(name, c->op.name) && xi_str_is(domain, c->op.domain)) return &c->op;
    return NULL;
}

/* ---- what callbacks ask ---- */

static const char *custom_text(xi_str s, size_t *out_size)
{
    if (out_size) *out_size = s.len;
    return s.ptr;
}

const char *xinf_node_name(const xinf_node *node, size_t *out_size)
{
    return custom_text(xi_node_label((const xi_node *)node), out_size);
}

int64_t xinf_node_int(const xinf_node *node, const char *name, int64_t fallback)
{
    return xi_node_int((const xi_node *)node, name, fallback);
}

float xinf_node_float(const xinf_node *node, const char *name, float fallback)
{
    return xi_node_float((const xi_node *)node, name, fallback);
}

const char *xinf_node_string(const xinf_node *node, const char *name, size_t *out_size)
{
    const xi_attr *a = xi_node_attr((const xi_node *)node, name);
    return custom_text(a && a->type == XI_ATTR_STRING ? a->s : (xi_str){NULL, 0}, out_size);
}

const int64_t *xinf_node_ints(const xinf_node *node, const char *name, int64_t *out_count)
{
    const int64_t *list;
    *out_count = xi_node_ints((const xi_node *)node, name, &list);
    return list;
}

const float *xinf_node_floats(const xinf_node *node, const char *name, int64_t *out_count)
{
    const float *list;
    *out_count = xi_node_floats((const xi_node *)node, name, &list);
    return list;
}
