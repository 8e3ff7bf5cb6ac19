/* rnn.h — the attributes of LSTM, GRU and RNN, read and checked. */
#ifndef XI_GRAPH_OP_RNN_H
#define XI_GRAPH_OP_RNN_H

#include "graph/op/activation.h"

enum { XI_RNN_PLAIN = 1, XI_RNN_GRU = 3, XI_RNN_LSTM = 4 }; /* also the number of gates */

typedef struct xi_rnn {
    int32_t gates, directions;
    int32_t reverse;     /* the first direction runs backwards; with two the second always does */
    int32_t batch_first; /* layout 1 */
    int32_t input_forget, linear_before_reset;
    float clip;                     /* 0: none */
    xi_activation activation[2][3]; /* per direction: f, g, h */
} xi_rnn;

xinf_status xi_rnn_read(xi_rnn *out, const xi_node *n, xinf_error *err);

#endif
