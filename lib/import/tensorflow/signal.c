/* signal.c — spectra. Complex numbers are a last axis of two, as the graph's operators have them. */
#include "import/tensorflow/importer.h"

static void signal_op_none(xi_tf_call *c)
{
    xi_tf_refuse(c, "spectra are not supported");
}

const xi_tf_row xi_tf_signal[] = {
    {"FFT2D", signal_op_none, NULL, 0},
    {NULL, NULL, NULL, 0},
};
