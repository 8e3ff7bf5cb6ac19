#include "import/tensorflow/table.h"

static const xi_tf_row *const table_families[] = {
    xi_tf_math, xi_tf_array,   xi_tf_slice_rows, xi_tf_nn,     xi_tf_image, xi_tf_reduce_rows,
    xi_tf_list, xi_tf_control, xi_tf_state,      xi_tf_signal, xi_tf_frame};

const xi_tf_row *xi_tf_row_find(xi_str op)
{
    for (size_t i = 0; i < sizeof table_families / sizeof *table_families; i++)
        for (const xi_tf_row *row = table_families[i]; row->op; row++)
            if (xi_str_is(op, row->op)) return row;
    return NULL;
}
