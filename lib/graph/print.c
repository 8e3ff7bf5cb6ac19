/* print.c — a graph as text. */
#include "graph/print.h"

void xi_graph_print(const xi_graph *g, xi_text *text)
{
    for (const xi_node *n = g->first; n; n = n->next) {
        xi_text_addf(text, "%.*s %.*s\n", XI_STR_ARG(n->op_name), XI_STR_ARG(xi_node_label(n)));
    }
}
