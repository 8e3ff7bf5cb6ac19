/* content.h — the elements of a constant in a graph's text form. */
#ifndef XI_GRAPH_CONTENT_H
#define XI_GRAPH_CONTENT_H

#include "graph/graph.h"
#include "graph/lexer.h"

enum { XI_CONTENT_INLINE = 64 }; /* elements that are written out; more are told by a hash */

void xi_content_print(const xi_literal *l, xi_text *text);
/* [a, b, …], fill(v) or random(seed) for a constant of this type, whose dimensions are known;
 * hash("…") is refused. */
xinf_status xi_content_parse(xi_literal **out, xi_lexer *l, xi_graph *g, xinf_dtype dtype,
                             const xi_shape *shape);

#endif
