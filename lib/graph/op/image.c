/* image.c — ImageDecoder: bytes of an image file become [height, width, channels]. */
#include "graph/op/dtypes.h"

extern const xi_op xi_ops_image[];

static xinf_status image_decoder(xi_infer *c)
{
    xi_str format = xi_node_string(c->node, "pixel_format", "RGB");
    bool gray = xi_str_is(format, "Grayscale");
    if (!gray && !xi_str_is(format, "RGB") && !xi_str_is(format, "BGR"))
        return xi_infer_fail(c, "pixel_format \"%.*s\" is not known", XI_STR_ARG(format));
    if (xi_infer_rank(c, 0) >= 0 && xi_infer_rank(c, 0) != 1)
        return xi_infer_fail(c, "its input has rank %d, not 1", (int)xi_infer_rank(c, 0));
    xi_shape out = {.rank = 3, .dim = {XI_DIM_UNKNOWN, XI_DIM_UNKNOWN, gray ? 1 : 3}};
    xi_infer_set(c, 0, XINF_UINT8, &out);
    return xi_infer_among(c, 0, XI_DTYPE_BIT(XINF_UINT8));
}

static const xi_attr_rule image_attrs[] = {{"pixel_format", XI_ATTR_STRING, false}, {NULL}};

const xi_op xi_ops_image[] = {
    {.name = "ImageDecoder",
     .min_inputs = 1,
     .max_inputs = 1,
     .min_outputs = 1,
     .max_outputs = 1,
     .attrs = image_attrs,
     .infer = image_decoder,
     .flags = XI_OP_DATA_SHAPE},
    {0},
};
