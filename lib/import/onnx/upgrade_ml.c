#include "import/onnx/upgrade.h"

/* LabelEncoder of version 1 maps between strings and their places in one list, in the direction of
 * the input's type. */
static xinf_status upgrade_label_encoder(xi_onnx_importer *im, xi_node *n, int64_t version)
{
    const xi_attr *classes = xi_node_attr(n, "classes_strings");
    const xi_value *x = xi_node_input(n, 0);
    if (!classes || classes->type != XI_ATTR_STRINGS || !x) return XINF_OK;
    if (x->type.dtype != XINF_STRING && x->type.dtype != XINF_INT64) {
        n->refused = "LabelEncoder of version 1 needs a known type of input";
        return XINF_OK;
    }
    bool from_strings = x->type.dtype == XINF_STRING;
    xi_attr strings = *classes;
    int64_t *places = xi_arena_array(n->graph->arena, (size_t)strings.count, sizeof *places);
    if (!places) return xi_onnx_no_memory(im);
    for (int32_t i = 0; i < strings.count; i++) places[i] = i;
    xi_onnx_up_drop(n, "classes_strings");
    strings.name = from_strings ? XI_STR("keys_strings") : XI_STR("values_strings");
    n->attrs[n->attr_count++] = strings;
    bool set = xi_node_set_ints(n, from_strings ? "values_int64s" : "keys_int64s", places,
                                strings.count);
    return set ? XINF_OK : xi_onnx_no_memory(im);
}

const xi_onnx_upgrade_row xi_onnx_upgrade_ml[] = {
    {"LabelEncoder", 1, 1, upgrade_label_encoder},
    {NULL, 0, 0, NULL},
};
