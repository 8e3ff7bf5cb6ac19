/* parse.h — the text form of a graph (docs/graph-text.md) read back. */
#ifndef XI_GRAPH_PARSE_H
#define XI_GRAPH_PARSE_H

#include "graph/graph.h"

/* One graph with its subgraphs, into a family that may hold others; checked by xi_graph_verify.
 * Nothing of `text` is kept. On failure the message names the line, and what was made stays in the
 * family's arena. */
xinf_status xi_graph_parse(xi_graph **out, xi_family *into, xi_str text, xinf_error *err);

#endif
