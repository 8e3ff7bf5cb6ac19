/* check.c — xinf.Check: a tensor that is only there when nothing forbids it. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_check[];

static xinf_status check_infer(xi_infer *c)
{
    xinf_status status;
    const xi_attr *messages = xi_node_attr(c->node, "messages");
    XI_TRY(xi_infer_among(c, 0, XI_DTYPES_ANY & ~XI_DTYPE_BIT(XINF_STRING)));
    for (int32_t i = 1; i < c->input_count; i++) {
        if (!c->in[i]) return xi_infer_fail(c, "input %d is missing", (int)i);
        XI_TRY(xi_infer_among(c, i, XI_DTYPES_BOOL));
    }
    if (!messages || messages->count != c->input_count - 1)
        return xi_infer_fail(c, "%d messages for %d conditions",
                             messages ? (int)messages->count : 0, (int)c->input_count - 1);
    c->out[0] = *c->in[0];
cleanup:
    return status;
}

/* Item 0 of X as the only item: when a condition holds, item 1 is asked for, and there is none. */
static xinf_status check_expand(xi_node *n, xinf_error *err)
{
    static const int64_t zero = 0;
    xi_value *failed = NULL, *first = xi_graph_constant_ints(n->graph, &zero, 1);
    for (int32_t i = 1; i < n->input_count; i++) {
        xi_node *either = failed ? xi_graph_add_node(n->graph, n, XI_STR(""), XI_STR("Or"),
                                                     XI_STR(""), 2, 1, 0)
                                 : NULL;
        if (failed && !either) return xi_fail_memory(err, sizeof *either);
        if (either) {
            either->inputs[0] = failed;
            either->inputs[1] = n->inputs[i];
        }
        failed = either ? xi_node_new_output(either, 0) : n->inputs[i];
        if (!failed) return xi_fail_memory(err, sizeof *failed);
    }
    xi_node *at = xi_graph_add_node(n->graph, n, XI_STR(""), XI_STR("Cast"), XI_STR(""), 1, 1, 1),
            *all = xi_graph_add_node(n->graph, n, XI_STR(""), XI_STR("Unsqueeze"), XI_STR(""), 2, 1,
                                     0),
            *gather = xi_graph_add_node(n->graph, n, XI_STR(""), XI_STR("Gather"), n->name, 2, 1,
                                        1);
    if (!first || !failed || !at || !all || !gather) return xi_fail_memory(err, sizeof *at);
    at->inputs[0] = failed;
    xi_node_set_int(at, "to", XINF_INT64);
    all->inputs[0] = n->inputs[0];
    all->inputs[1] = first;
    gather->inputs[0] = xi_node_new_output(all, 0);
    gather->inputs[1] = xi_node_new_output(at, 0);
    xi_node_set_int(gather, "axis", 0);
    if (!gather->inputs[0] || !gather->inputs[1]) return xi_fail_memory(err, sizeof *at);
    xi_node_set_output(gather, 0, n->outputs[0]);
    xi_node_remove(n);
    return XINF_OK;
}

static const xi_attr_rule check_attrs[] = {{"messages", XI_ATTR_STRINGS, true}, {NULL}};

const xi_op xi_ops_check[] = {
    {.domain = "xinf",
     .name = "Check",
     .min_inputs = 2,
     .max_inputs = -1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = check_attrs,
     .infer = check_infer,
     .flags = XI_OP_RANDOM, /* a failure belongs to the run that meets it */
     .expand = check_expand},
    {0},
};
