/* detect.h — which format some bytes are, told by content alone. */
#ifndef XI_LOAD_DETECT_H
#define XI_LOAD_DETECT_H

#include "xinf.h"

typedef enum xi_format {
    XI_FORMAT_UNKNOWN = 0,
    XI_FORMAT_ONNX,
    XI_FORMAT_GRAPHDEF,
    XI_FORMAT_SAVEDMODEL,
    XI_FORMAT_TORCH,
    XI_FORMAT_TFLITE,
    XI_FORMAT_SAFETENSORS,
    XI_FORMAT_GGUF,
    XI_FORMAT_HDF5,
    XI_FORMAT_PICKLE
} xi_format;

/* Looks at a bounded number of bytes, whatever the size. */
xi_format xi_format_detect(const uint8_t *data, size_t size);
/* "ONNX model", "TensorFlow graph", …; never NULL. */
const char *xi_format_name(xi_format f);
/* The same, refusing bytes of no known format with a sentence. */
xinf_status xi_format_tell(xi_format *out, const uint8_t *data, size_t size, xinf_error *err);

#endif
