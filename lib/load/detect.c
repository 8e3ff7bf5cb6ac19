#include "load/detect.h"

#include <string.h>

#include "base/error.h"
#include "load/protobuf.h"
#include "load/torch/legacy.h"

#define DETECT_MAX_FIELDS 64

static bool detect_prefix(const uint8_t *data, size_t size, size_t at, const char *text,
                          size_t length)
{
    return size >= at + length && memcmp(data + at, text, length) == 0;
}

static bool detect_safetensors(const uint8_t *data, size_t size)
{
    uint64_t header = 0;
    if (size < 10) return false;
    memcpy(&header, data, 8);
    return header >= 2 && header <= size - 8 && data[8] == '{' &&
           (data[9] == '"' || data[9] == '}');
}

/* A GraphDef's first node begins with its name, then its operator: two strings, fields 1 and 2. */
static bool detect_named_node(const xi_wire_field *f)
{
    const uint8_t *p = f->body, *end = f->body + f->body_size;
    const char *why;
    xi_wire_field name;
    return xi_wire_next(&name, &p, end, &why) && name.id == 1 && name.wire == 2 && p < end &&
           xi_wire_next(&name, &p, end, &why) && name.id == 2 && name.wire == 2;
}

/* A MetaGraphDef holds messages where an ONNX producer name holds text. */
static bool detect_meta_graph(const xi_wire_field *f)
{
    const uint8_t *p = f->body, *end = f->body + f->body_size;
    const char *why;
    xi_wire_field inner;
    if (p == end) return false;
    while (p < end)
        if (!xi_wire_next(&inner, &p, end, &why) || inner.id > 9) return false;
    return true;
}

static xi_format detect_protobuf(const uint8_t *data, size_t size)
{
    const uint8_t *p = data, *end = data + size;
    const char *why;
    xi_wire_field f;
    bool version = false, onnx = false, saved = false;
    if (size && data[0] == 0x0a)
        return xi_wire_next(&f, &p, end, &why) && detect_named_node(&f) ? XI_FORMAT_GRAPHDEF
                                                                        : XI_FORMAT_UNKNOWN;
    for (int i = 0; i < DETECT_MAX_FIELDS && p < end; i++) {
        /* A damaged ONNX file is still one: its reader says where it is damaged. */
        if (!xi_wire_next(&f, &p, end, &why))
            return version || onnx ? XI_FORMAT_ONNX : XI_FORMAT_UNKNOWN;
        if (f.id == 1 && f.wire == 0) version = true;
        if ((f.id == 7 || f.id == 8) && f.wire == 2) onnx = true;
        if (f.id == 2 && f.wire == 2 && detect_meta_graph(&f)) saved = true;
    }
    if (onnx) return XI_FORMAT_ONNX;
    if (saved && version) return XI_FORMAT_SAVEDMODEL;
    return version ? XI_FORMAT_ONNX : XI_FORMAT_UNKNOWN;
}

xi_format xi_format_detect(const uint8_t *data, size_t size)
{
    if (detect_prefix(data, size, 0, "PK\3\4", 4) || detect_prefix(data, size, 0, "PK\5\6", 4))
        return XI_FORMAT_TORCH;
    if (xi_torch_legacy_is(data, size)) return XI_FORMAT_TORCH;
    if (detect_prefix(data, size, 4, "TFL3", 4)) return XI_FORMAT_TFLITE;
    if (detect_prefix(data, size, 0, "GGUF", 4)) return XI_FORMAT_GGUF;
    if (detect_prefix(data, size, 0, "\x89HDF\r\n\x1a\n", 8)) return XI_FORMAT_HDF5;
    if (size > 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5) return XI_FORMAT_PICKLE;
    if (detect_safetensors(data, size)) return XI_FORMAT_SAFETENSORS;
    return detect_protobuf(data, size);
}

static const char *const detect_names[] = {
    [XI_FORMAT_UNKNOWN] = "file of no known model format",
    [XI_FORMAT_ONNX] = "ONNX model",
    [XI_FORMAT_GRAPHDEF] = "TensorFlow graph (GraphDef)",
    [XI_FORMAT_SAVEDMODEL] = "TensorFlow SavedModel",
    [XI_FORMAT_TORCH] = "zip archive, such as a TorchScript or PyTorch file",
    [XI_FORMAT_TFLITE] = "TensorFlow Lite model",
    [XI_FORMAT_SAFETENSORS] = "safetensors file, which holds weights without a model",
    [XI_FORMAT_GGUF] = "GGUF file",
    [XI_FORMAT_HDF5] = "HDF5 file, such as an old Keras model",
    [XI_FORMAT_PICKLE] = "Python pickle, which is not read because it can run code",
};

const char *xi_format_name(xi_format f)
{
    return detect_names[f];
}

xinf_status xi_format_tell(xi_format *out, const uint8_t *data, size_t size, xinf_error *err)
{
    *out = xi_format_detect(data, size);
    if (*out != XI_FORMAT_UNKNOWN) return XINF_OK;
    if (detect_prefix(data, size, 0, "version https://git-lfs", 23))
        return xi_fail(err, XINF_MALFORMED,
                       "this is a Git LFS pointer, not the file it points to: fetch it first");
    return xi_fail(err, XINF_MALFORMED, "this is a %s", detect_names[XI_FORMAT_UNKNOWN]);
}

#undef DETECT_MAX_FIELDS
