/* print.h — the text form of a graph (docs/graph-text.md). */
#ifndef XI_GRAPH_PRINT_H
#define XI_GRAPH_PRINT_H

#include "graph/graph.h"

/* Adds the graph, its subgraphs and constants; text->failed tells whether memory ended. */
void xi_graph_print(const xi_graph *g, xi_text *text);

#endif
