/* ref_cast_text.c — numbers to and from strings. printf writes the digits; the decimal point is put
 * by hand because a locale may have another one. */
#include "backend/cpu/ref/ref_cast_text.h"

#include <math.h>
#include <stdio.h>

#include "backend/cpu/ref/ref_block.h"

/* ---- from text ---- */

static bool cast_text_word(xi_str s, const char *word)
{
    if (s.len != strlen(word)) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != word[i]) return false;
    }
    return true;
}

static xi_str cast_text_trim(xi_str s)
{
    while (s.len && (*s.ptr == ' ' || (*s.ptr >= '\t' && *s.ptr <= '\r')))
        s = (xi_str){s.ptr + 1, s.len - 1};
    while (s.len &&
           (s.ptr[s.len - 1] == ' ' || (s.ptr[s.len - 1] >= '\t' && s.ptr[s.len - 1] <= '\r')))
        s.len--;
    return s;
}

/* mantissa · 10^exponent, rounded once where both are exact in double, else in long double first.
 */
static double cast_text_scale(uint64_t mantissa, int64_t exponent)
{
    long double v = (long double)mantissa;
    if (mantissa == 0 || exponent < -400) return 0;
    if (exponent > 400) return INFINITY;
    if (mantissa < (UINT64_C(1) << 53) && exponent >= -22 && exponent <= 22) {
        double power = 1;
        for (int64_t i = 0; i < (exponent < 0 ? -exponent : exponent); i++) power *= 10;
        return exponent < 0 ? (double)mantissa / power : (double)mantissa * power;
    }
    return (double)(exponent < 0 ? v / powl(10, (long double)-exponent)
                                 : v * powl(10, (long double)exponent));
}

static bool cast_text_number(xi_str s, double *out)
{
    bool negative = s.len && *s.ptr == '-', any = false, point = false;
    uint64_t mantissa = 0;
    int64_t exponent = 0;
    size_t i = 0;
    if (s.len && (*s.ptr == '-' || *s.ptr == '+')) s = (xi_str){s.ptr + 1, s.len - 1};
    if (cast_text_word(s, "nan")) {
        *out = NAN;
        return true;
    }
    if (cast_text_word(s, "inf") || cast_text_word(s, "infinity")) {
        *out = negative ? -INFINITY : INFINITY;
        return true;
    }
    for (; i < s.len && ((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] == '.' && !point));
         i++) {
        if (s.ptr[i] == '.') {
            point = true;
            continue;
        }
        any = true;
        if (mantissa < UINT64_C(1000000000000000000)) {
            mantissa = mantissa * 10 + (uint64_t)(s.ptr[i] - '0');
            exponent -= point;
        } else {
            exponent += !point;
        }
    }
    if (any && i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        int64_t given = 0;
        bool down = i + 1 < s.len && s.ptr[i + 1] == '-';
        i += 1 + (down || (i + 1 < s.len && s.ptr[i + 1] == '+'));
        if (i == s.len) return false;
        for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
            if (given < 100000) given = given * 10 + (s.ptr[i] - '0');
        exponent += down ? -given : given;
    }
    *out = cast_text_scale(mantissa, exponent);
    if (negative) *out = -*out;
    return any && i == s.len;
}

static bool cast_text_whole(xi_str s, bool is_unsigned, int64_t *out)
{
    bool negative = s.len && *s.ptr == '-';
    uint64_t v = 0;
    double real;
    size_t i = negative || (s.len && *s.ptr == '+');
    if (i == s.len) return false;
    for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
            return false;
    if (i < s.len) { /* "100.5" and "1e3" are taken towards zero */
        if (!cast_text_number(s, &real) || !(fabs(real) < 9223372036854775808.0)) return false;
        *out = (int64_t)real;
        return true;
    }
    if (!is_unsigned && v > (uint64_t)INT64_MAX + negative) return false;
    *out = (int64_t)(negative ? 0 - v : v);
    return true;
}

static xinf_status cast_text_read(const xi_call *call, xinf_error *err)
{
    const xi_str *src = call->in[0]->data;
    xi_operand *out = call->out[0];
    for (int64_t i = 0; i < out->count; i++) {
        xi_str s = cast_text_trim(src[i]);
        double real;
        int64_t whole;
        bool good;
        if (xi_dtype_is_float(out->dtype)) {
            good = cast_text_number(s, &real);
            if (good) xi_dtype_store_f64(out->data, out->dtype, i, real);
        } else if (out->dtype == XINF_BOOL &&
                   (cast_text_word(s, "true") || cast_text_word(s, "false"))) {
            good = true;
            ((uint8_t *)out->data)[i] = cast_text_word(s, "true");
        } else {
            good = cast_text_whole(s, out->dtype == XINF_UINT64, &whole);
            if (good) xi_dtype_store_i64(out->data, out->dtype, i, whole);
        }
        if (!good)
            return xi_kernel_fail(call->node, err, XINF_RUN_ERROR,
                                  "\"%.*s\" is not a number of type %s", XI_STR_ARG(s),
                                  xinf_dtype_name(out->dtype));
    }
    return XINF_OK;
}

/* ---- to text ---- */

/* The fewest digits that give the value back: "d.ddde±xx" taken apart into digits and exponent. */
static int32_t cast_text_digits(double v, bool single, char *digits, int32_t *exponent)
{
    char text[48];
    int32_t most = single ? 9 : 17, count = 0;
    for (int32_t precision = 1; precision <= most; precision++) {
        double back;
        int used = snprintf(text, sizeof text, "%.*e", (int)precision - 1, v);
        count = 0;
        int i = 0;
        for (; i < used && text[i] != 'e'; i++)
            if (text[i] >= '0' && text[i] <= '9') digits[count++] = text[i];
        *exponent = 0;
        for (int k = i + 2; k < used; k++) *exponent = *exponent * 10 + (text[k] - '0');
        if (i + 1 < used && text[i + 1] == '-') *exponent = -*exponent;
        uint64_t mantissa = 0;
        for (int32_t k = 0; k < count; k++) mantissa = mantissa * 10 + (uint64_t)(digits[k] - '0');
        back = cast_text_scale(mantissa, *exponent - (count - 1));
        if (single ? (float)back == (float)v : back == v) break;
    }
    while (count > 1 && digits[count - 1] == '0') count--;
    return count;
}

static size_t cast_text_real(char *out, size_t size, double v, bool single)
{
    char digits[24];
    int32_t exponent, count;
    size_t at = 0;
    if (v != v) return (size_t)snprintf(out, size, "nan");
    if (isinf(v)) return (size_t)snprintf(out, size, v < 0 ? "-inf" : "inf");
    if (signbit(v)) out[at++] = '-';
    count = cast_text_digits(fabs(v), single, digits, &exponent);
    if (v != 0 && (exponent < -4 || exponent >= 16)) {
        out[at++] = digits[0];
        if (count > 1) out[at++] = '.';
        for (int32_t i = 1; i < count; i++) out[at++] = digits[i];
        return at + (size_t)snprintf(out + at, size - at, "e%c%02d", exponent < 0 ? '-' : '+',
                                     (int)(exponent < 0 ? -exponent : exponent));
    }
    if (exponent < 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int32_t i = -1; i > exponent; i--) out[at++] = '0';
        for (int32_t i = 0; i < count; i++) out[at++] = digits[i];
        return at;
    }
    for (int32_t i = 0; i <= exponent; i++) out[at++] = i < count ? digits[i] : '0';
    out[at++] = '.';
    for (int32_t i = exponent + 1; i < count || i == exponent + 1; i++)
        out[at++] = i < count ? digits[i] : '0';
    return at;
}

static xinf_status cast_text_write(const xi_call *call, xinf_error *err)
{
    const xi_operand *in = call->in[0];
    xinf_status status = XINF_OK;
    char text[64];
    for (int64_t i = 0; i < in->count; i++) {
        size_t len;
        if (in->dtype == XINF_BOOL)
            len = (size_t)snprintf(text, sizeof text, "%s",
                                   ((const uint8_t *)in->data)[i] ? "True" : "False");
        else if (xi_dtype_is_float(in->dtype))
            len = cast_text_real(text, sizeof text, xi_dtype_load_f64(in->data, in->dtype, i),
                                 in->dtype != XINF_FLOAT64);
        else if (xi_dtype_is_unsigned(in->dtype))
            len = (size_t)snprintf(text, sizeof text, "%llu",
                                   (unsigned long long)xi_dtype_load_i64(in->data, in->dtype, i));
        else
            len = (size_t)snprintf(text, sizeof text, "%lld",
                                   (long long)xi_dtype_load_i64(in->data, in->dtype, i));
        XI_TRY(xi_tensor_set_string(call->out[0]->tensor, i, text, len, err));
    }
cleanup:
    return status;
}

xinf_status xk_cast_text(const xi_call *call, xinf_error *err)
{
    const xi_operand *in = call->in[0], *out = call->out[0];
    xinf_status status = XINF_OK;
    if (in->dtype != XINF_STRING) return cast_text_write(call, err);
    if (out->dtype != XINF_STRING) return cast_text_read(call, err);
    for (int64_t i = 0; i < out->count; i++) {
        xi_str s = ((const xi_str *)in->data)[i];
        XI_TRY(xi_tensor_set_string(out->tensor, i, s.ptr, s.len, err));
    }
cleanup:
    return status;
}
