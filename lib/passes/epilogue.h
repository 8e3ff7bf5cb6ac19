/* epilogue.h — what a fused operator may do at its end: the activation nodes it can take in. */
#ifndef XI_PASSES_EPILOGUE_H
#define XI_PASSES_EPILOGUE_H

#include "passes/match.h"

typedef struct xi_epilogue {
    const char *name; /* of attribute "activation"; NULL: none */
    float params[2];
    int32_t param_count;
} xi_epilogue;

/* Is n an activation of its first input that domain "xinf" knows? */
bool xi_epilogue_read(xi_epilogue *e, const xi_node *n);
/* The same from the attributes of a fused node. */
bool xi_epilogue_has(const xi_node *n);
/* Room for two attributes is needed; false when memory ends. */
bool xi_epilogue_write(xi_node *n, const xi_epilogue *e);

#endif
