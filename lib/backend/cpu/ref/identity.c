/* identity.c — a number for what a node's attributes say. */
#include "backend/cpu/ref/identity.h"

static uint64_t identity_mix(uint64_t h, const void *data, size_t size)
{
    xi_str s = {data, size};
    return (h ^ xi_str_hash(s)) * UINT64_C(0x9e3779b97f4a7c15) + size;
}

uint64_t xk_identity_of(const xi_node *n)
{
    uint64_t h = 1;
    for (int32_t i = 0; i < n->attr_count; i++) {
        const xi_attr *a = &n->attrs[i];
        h = identity_mix(h, a->name.ptr, a->name.len);
        switch (a->type) {
        case XI_ATTR_INT: h = identity_mix(h, &a->i, sizeof a->i); break;
        case XI_ATTR_FLOAT: h = identity_mix(h, &a->f, sizeof a->f); break;
        case XI_ATTR_STRING: h = identity_mix(h, a->s.ptr, a->s.len); break;
        case XI_ATTR_INTS: h = identity_mix(h, a->ints, (size_t)a->count * sizeof *a->ints); break;
        case XI_ATTR_FLOATS:
            h = identity_mix(h, a->floats, (size_t)a->count * sizeof *a->floats);
            break;
        case XI_ATTR_STRINGS:
            for (int32_t k = 0; k < a->count; k++)
                h = identity_mix(h, a->strings[k].ptr, a->strings[k].len);
            break;
        case XI_ATTR_TENSOR: h = identity_mix(h, a->tensor->data, a->tensor->size); break;
        default: break;
        }
    }
    return h;
}
