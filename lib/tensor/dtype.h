/* dtype.h — element types: their sizes, classes and the conversions between narrow floats and
 * float32. */
#ifndef XI_TENSOR_DTYPE_H
#define XI_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xinf.h"

enum { XI_DTYPE_COUNT = 27 };

static inline bool xi_dtype_known(xinf_dtype d)
{
    return d > XINF_UNDEFINED && d < XI_DTYPE_COUNT;
}
/* Any real float, 4 to 64 bits. */
bool xi_dtype_is_float(xinf_dtype d);
/* Signed or unsigned integer of 2 to 64 bits; bool is not one. */
bool xi_dtype_is_int(xinf_dtype d);
bool xi_dtype_is_unsigned(xinf_dtype d);
/* Bits of one element as ONNX stores it in raw_data (4 for int4, 8 for bool, 0 for strings). */
int32_t xi_dtype_bits(xinf_dtype d);

/* IEEE binary16, round to nearest even. */
float xi_f16_to_f32(uint16_t h);
uint16_t xi_f32_to_f16(float f);
float xi_bf16_to_f32(uint16_t h);
uint16_t xi_f32_to_bf16(float f);
/* 8-bit and 4-bit floats by their dtype (OCP OFP8, FNUZ variants, E8M0, E2M1). saturate: out of
 * range becomes the largest finite value. */
float xi_f8_to_f32(uint8_t b, xinf_dtype d);
uint8_t xi_f32_to_f8(float f, xinf_dtype d, bool saturate);

/* Reads element i of `data` as float64 / int64 (bool gives 0 or 1; not for strings and complex).
 * Slow; for ref kernels and attributes. */
double xi_dtype_load_f64(const void *data, xinf_dtype d, int64_t i);
int64_t xi_dtype_load_i64(const void *data, xinf_dtype d, int64_t i);
void xi_dtype_store_f64(void *data, xinf_dtype d, int64_t i, double v);
void xi_dtype_store_i64(void *data, xinf_dtype d, int64_t i, int64_t v);

#endif
