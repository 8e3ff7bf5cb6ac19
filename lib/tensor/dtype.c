/* dtype.c — tables of element types and bit-exact conversions of narrow floats. */
#include "tensor/dtype.h"

#include <math.h>
#include <string.h>

typedef struct dtype_row {
    const char *name;
    uint8_t size; /* bytes of an element in a tensor of ours */
    uint8_t bits; /* as ONNX stores it */
    char class;   /* f float, i signed, u unsigned, b bool, s string, c complex */
} dtype_row;

static const dtype_row dtype_rows[XI_DTYPE_COUNT] = {
    [XINF_UNDEFINED] = {"undefined", 0, 0, '-'},
    [XINF_FLOAT32] = {"float32", 4, 32, 'f'},
    [XINF_UINT8] = {"uint8", 1, 8, 'u'},
    [XINF_INT8] = {"int8", 1, 8, 'i'},
    [XINF_UINT16] = {"uint16", 2, 16, 'u'},
    [XINF_INT16] = {"int16", 2, 16, 'i'},
    [XINF_INT32] = {"int32", 4, 32, 'i'},
    [XINF_INT64] = {"int64", 8, 64, 'i'},
    [XINF_STRING] = {"string", 0, 0, 's'},
    [XINF_BOOL] = {"bool", 1, 8, 'b'},
    [XINF_FLOAT16] = {"float16", 2, 16, 'f'},
    [XINF_FLOAT64] = {"float64", 8, 64, 'f'},
    [XINF_UINT32] = {"uint32", 4, 32, 'u'},
    [XINF_UINT64] = {"uint64", 8, 64, 'u'},
    [XINF_COMPLEX64] = {"complex64", 8, 64, 'c'},
    [XINF_COMPLEX128] = {"complex128", 16, 128, 'c'},
    [XINF_BFLOAT16] = {"bfloat16", 2, 16, 'f'},
    [XINF_FLOAT8E4M3FN] = {"float8e4m3fn", 1, 8, 'f'},
    [XINF_FLOAT8E4M3FNUZ] = {"float8e4m3fnuz", 1, 8, 'f'},
    [XINF_FLOAT8E5M2] = {"float8e5m2", 1, 8, 'f'},
    [XINF_FLOAT8E5M2FNUZ] = {"float8e5m2fnuz", 1, 8, 'f'},
    [XINF_UINT4] = {"uint4", 1, 4, 'u'},
    [XINF_INT4] = {"int4", 1, 4, 'i'},
    [XINF_FLOAT4E2M1] = {"float4e2m1", 1, 4, 'f'},
    [XINF_FLOAT8E8M0] = {"float8e8m0", 1, 8, 'f'},
    [XINF_UINT2] = {"uint2", 1, 2, 'u'},
    [XINF_INT2] = {"int2", 1, 2, 'i'},
};

static const dtype_row *dtype_find(xinf_dtype d)
{
    return &dtype_rows[xi_dtype_known(d) ? d : XINF_UNDEFINED];
}

const char *xinf_dtype_name(xinf_dtype d)
{
    return dtype_find(d)->name;
}

size_t xinf_dtype_size(xinf_dtype d)
{
    return dtype_find(d)->size;
}

int32_t xi_dtype_bits(xinf_dtype d)
{
    return dtype_find(d)->bits;
}

bool xi_dtype_is_float(xinf_dtype d)
{
    return dtype_find(d)->class == 'f';
}

bool xi_dtype_is_int(xinf_dtype d)
{
    return dtype_find(d)->class == 'i' || dtype_find(d)->class == 'u';
}

bool xi_dtype_is_unsigned(xinf_dtype d)
{
    return dtype_find(d)->class == 'u';
}

static uint32_t dtype_f32_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static float dtype_bits_f32(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

float xi_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
    if (exponent == 31) return dtype_bits_f32(sign | 0x7f800000 | mantissa << 13);
    if (exponent != 0) return dtype_bits_f32(sign | (exponent + 112) << 23 | mantissa << 13);
    float v = (float)mantissa * 0x1p-24f;
    return sign ? -v : v;
}

uint16_t xi_f32_to_f16(float f)
{
    uint32_t u = dtype_f32_bits(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    if (a > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (a >= 0x47800000) return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) { /* subnormal or zero: the adder rounds to even at bit 2^-24 */
        float r = dtype_bits_f32(a) + 0.5f;
        return (uint16_t)(sign | (dtype_f32_bits(r) - 0x3f000000));
    }
    uint32_t odd = a >> 13 & 1;
    return (uint16_t)(sign | (a - 0x38000000 + 0xfff + odd) >> 13);
}

float xi_bf16_to_f32(uint16_t h)
{
    return dtype_bits_f32((uint32_t)h << 16);
}

uint16_t xi_f32_to_bf16(float f)
{
    uint32_t u = dtype_f32_bits(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* A small float: sign, exponent, mantissa bits, bias; how infinity and NaN are coded. */
typedef struct dtype_small {
    int exponent_bits, mantissa_bits, bias;
    bool has_infinity;  /* IEEE coding of the top exponent */
    bool unsigned_zero; /* FNUZ: NaN is 0x80 and there is no -0 */
    bool no_nan;
    float largest;
} dtype_small;

static const dtype_small *dtype_small_of(xinf_dtype d)
{
    static const dtype_small e4m3 = {4, 3, 7, false, false, false, 448.0f};
    static const dtype_small e4m3z = {4, 3, 8, false, true, false, 240.0f};
    static const dtype_small e5m2 = {5, 2, 15, true, false, false, 57344.0f};
    static const dtype_small e5m2z = {5, 2, 16, false, true, false, 57344.0f};
    static const dtype_small e2m1 = {2, 1, 1, false, false, true, 6.0f};
    switch (d) {
    case XINF_FLOAT8E4M3FN: return &e4m3;
    case XINF_FLOAT8E4M3FNUZ: return &e4m3z;
    case XINF_FLOAT8E5M2: return &e5m2;
    case XINF_FLOAT8E5M2FNUZ: return &e5m2z;
    default: return &e2m1;
    }
}

float xi_f8_to_f32(uint8_t b, xinf_dtype d)
{
    if (d == XINF_FLOAT8E8M0) return b == 255 ? NAN : ldexpf(1.0f, (int)b - 127);
    const dtype_small *s = dtype_small_of(d);
    int width = 1 + s->exponent_bits + s->mantissa_bits;
    int sign = b >> (width - 1) & 1, top = (1 << s->exponent_bits) - 1;
    int exponent = b >> s->mantissa_bits & top, mantissa = b & ((1 << s->mantissa_bits) - 1);
    if (s->unsigned_zero && b == 0x80) return NAN;
    if (s->has_infinity && exponent == top) return mantissa ? NAN : sign ? -INFINITY : INFINITY;
    if (!s->has_infinity && !s->unsigned_zero && !s->no_nan && (b & 0x7f) == 0x7f) return NAN;
    float v = exponent ? ldexpf((float)(mantissa + (1 << s->mantissa_bits)),
                                exponent - s->bias - s->mantissa_bits)
                       : ldexpf((float)mantissa, 1 - s->bias - s->mantissa_bits);
    return sign ? -v : v;
}

/* The nearest 2^k, ties upwards as the OCP MX conversion of ONNX's Cast default ("up") does for
 * E8M0. */
static uint8_t dtype_to_e8m0(float f, bool saturate)
{
    uint32_t u = dtype_f32_bits(f) & 0x7fffffff;
    if (u > 0x7f800000 || (u == 0x7f800000 && !saturate)) return 255;
    if (u == 0x7f800000) return 254;
    uint32_t exponent = u >> 23;
    if (u & 0x7fffff && exponent < 254) exponent++;
    return (uint8_t)exponent;
}

uint8_t xi_f32_to_f8(float f, xinf_dtype d, bool saturate)
{
    if (d == XINF_FLOAT8E8M0) return dtype_to_e8m0(f, saturate);
    const dtype_small *s = dtype_small_of(d);
    int width = 1 + s->exponent_bits + s->mantissa_bits, top = (1 << s->exponent_bits) - 1;
    uint8_t sign = signbit(f) ? (uint8_t)(1 << (width - 1)) : 0;
    uint8_t nan_code = s->unsigned_zero ? 0x80
                                        : (uint8_t)(sign | (s->has_infinity ? 0x7f
                                                            : s->no_nan     ? 0x7
                                                                            : 0x7f));
    if (isnan(f)) return s->no_nan ? 0x7 : nan_code;
    float a = fabsf(f);
    uint8_t largest = s->has_infinity                 ? (uint8_t)((top << s->mantissa_bits) - 1)
                      : s->unsigned_zero || s->no_nan ? (uint8_t)((1 << (width - 1)) - 1)
                                                      : (uint8_t)0x7e;
    uint8_t over = saturate || s->no_nan ? (uint8_t)(sign | largest)
                   : s->has_infinity     ? (uint8_t)(sign | top << s->mantissa_bits)
                                         : nan_code;
    if (isinf(f)) return over;
    int e = 0;
    frexpf(a, &e); /* a = m·2^e, m in [0.5, 1) */
    int exponent = e - 1 < 1 - s->bias ? 1 - s->bias : e - 1;
    float quantum = ldexpf(1.0f, exponent - s->mantissa_bits);
    float steps = a == 0 ? 0 : nearbyintf(a / quantum);
    float rounded = steps * quantum;
    if (rounded > s->largest) return over;
    if (rounded == 0) return s->unsigned_zero ? 0 : sign;
    int units = (int)steps, hidden = 1 << s->mantissa_bits;
    if (units >= 2 * hidden) {
        units /= 2;
        exponent++;
    }
    int code = units >= hidden ? ((exponent + s->bias) << s->mantissa_bits) + (units - hidden)
                               : units;
    return (uint8_t)(sign | code);
}

/* Sign extension of the narrow integers, which lie one per byte. */
static int64_t dtype_narrow(uint8_t b, xinf_dtype d)
{
    switch (d) {
    case XINF_INT4: return (int8_t)(uint8_t)(b << 4) >> 4;
    case XINF_UINT4: return b & 15;
    case XINF_INT2: return (int8_t)(uint8_t)(b << 6) >> 6;
    default: return b & 3;
    }
}

int64_t xi_dtype_load_i64(const void *data, xinf_dtype d, int64_t i)
{
    switch (d) {
    case XINF_UINT8: return ((const uint8_t *)data)[i];
    case XINF_INT8: return ((const int8_t *)data)[i];
    case XINF_UINT16: return ((const uint16_t *)data)[i];
    case XINF_INT16: return ((const int16_t *)data)[i];
    case XINF_INT32: return ((const int32_t *)data)[i];
    case XINF_UINT32: return ((const uint32_t *)data)[i];
    case XINF_INT64: return ((const int64_t *)data)[i];
    case XINF_UINT64: return (int64_t)((const uint64_t *)data)[i];
    case XINF_BOOL: return ((const uint8_t *)data)[i] != 0;
    case XINF_INT4:
    case XINF_UINT4:
    case XINF_INT2:
    case XINF_UINT2: return dtype_narrow(((const uint8_t *)data)[i], d);
    default: {
        double v = xi_dtype_load_f64(data, d, i);
        return v >= 9223372036854775808.0   ? INT64_MAX
               : v > -9223372036854775808.0 ? (int64_t)v
                                            : INT64_MIN;
    }
    }
}

double xi_dtype_load_f64(const void *data, xinf_dtype d, int64_t i)
{
    switch (d) {
    case XINF_FLOAT32: return ((const float *)data)[i];
    case XINF_FLOAT64: return ((const double *)data)[i];
    case XINF_FLOAT16: return xi_f16_to_f32(((const uint16_t *)data)[i]);
    case XINF_BFLOAT16: return xi_bf16_to_f32(((const uint16_t *)data)[i]);
    case XINF_UINT64: return (double)((const uint64_t *)data)[i];
    case XINF_FLOAT8E4M3FN:
    case XINF_FLOAT8E4M3FNUZ:
    case XINF_FLOAT8E5M2:
    case XINF_FLOAT8E5M2FNUZ:
    case XINF_FLOAT8E8M0: return xi_f8_to_f32(((const uint8_t *)data)[i], d);
    case XINF_FLOAT4E2M1: return xi_f8_to_f32(((const uint8_t *)data)[i] & 15, d);
    case XINF_STRING:
    case XINF_COMPLEX64:
    case XINF_COMPLEX128:
    case XINF_UNDEFINED: return 0;
    default: return (double)xi_dtype_load_i64(data, d, i);
    }
}

void xi_dtype_store_i64(void *data, xinf_dtype d, int64_t i, int64_t v)
{
    switch (d) {
    case XINF_UINT8:
    case XINF_INT8: ((uint8_t *)data)[i] = (uint8_t)v; break;
    case XINF_UINT16:
    case XINF_INT16: ((uint16_t *)data)[i] = (uint16_t)v; break;
    case XINF_INT32:
    case XINF_UINT32: ((uint32_t *)data)[i] = (uint32_t)v; break;
    case XINF_INT64:
    case XINF_UINT64: ((int64_t *)data)[i] = v; break;
    case XINF_BOOL: ((uint8_t *)data)[i] = v != 0; break;
    case XINF_INT4:
    case XINF_UINT4: ((uint8_t *)data)[i] = (uint8_t)(v & 15); break;
    case XINF_INT2:
    case XINF_UINT2: ((uint8_t *)data)[i] = (uint8_t)(v & 3); break;
    default: xi_dtype_store_f64(data, d, i, (double)v); break;
    }
}

void xi_dtype_store_f64(void *data, xinf_dtype d, int64_t i, double v)
{
    switch (d) {
    case XINF_FLOAT32: ((float *)data)[i] = (float)v; break;
    case XINF_FLOAT64: ((double *)data)[i] = v; break;
    case XINF_FLOAT16: ((uint16_t *)data)[i] = xi_f32_to_f16((float)v); break;
    case XINF_BFLOAT16: ((uint16_t *)data)[i] = xi_f32_to_bf16((float)v); break;
    case XINF_FLOAT8E4M3FN:
    case XINF_FLOAT8E4M3FNUZ:
    case XINF_FLOAT8E5M2:
    case XINF_FLOAT8E5M2FNUZ:
    case XINF_FLOAT4E2M1:
    case XINF_FLOAT8E8M0: ((uint8_t *)data)[i] = xi_f32_to_f8((float)v, d, true); break;
    case XINF_UINT64:
        ((uint64_t *)data)[i] = v >= 18446744073709551616.0 ? UINT64_MAX : v > 0 ? (uint64_t)v : 0;
        break;
    case XINF_STRING:
    case XINF_COMPLEX64:
    case XINF_COMPLEX128:
    case XINF_UNDEFINED: break;
    default: {
        int64_t whole = v >= 9223372036854775808.0   ? INT64_MAX
                        : v > -9223372036854775808.0 ? (int64_t)v
                                                     : INT64_MIN;
        xi_dtype_store_i64(data, d, i, v != v ? 0 : whole);
        break;
    }
    }
}
