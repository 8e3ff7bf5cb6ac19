/* args.c — arguments as operators want them, and ATen's rules for mixed dtypes. */
#include "import/torch/op.h"

#include "tensor/dtype.h"

xi_value *xi_aten_arg(xi_aten *x, const xi_aten_value *a)
{
    if (a->kind == XI_ATEN_TENSOR) return xi_aten_read(x, a->tensor);
    return NULL;
}

static bool args_known(xi_aten *x, const xi_aten_value *a, const char *who)
{
    if (x->status != XINF_OK) return false;
    if (!a->scalar) return true;
    x->wants_types = true;
    xi_aten_fail(x, XINF_UNSUPPORTED, "%s depends on what only a run knows", who);
    return false;
}

int64_t xi_aten_arg_int(xi_aten *x, const xi_aten_value *a, const char *who)
{
    int64_t one;
    if (a->kind == XI_ATEN_TENSOR) {
        xi_value *v = xi_aten_arg(x, a);
        if (xi_aten_known_ints(v, &one, 1) == 1) return one;
        xi_aten_fail(x, XINF_UNSUPPORTED, "%s depends on what only a run knows", who);
        return 0;
    }
    if (!args_known(x, a, who)) return 0;
    switch (a->kind) {
    case XI_ATEN_INT: return a->i;
    case XI_ATEN_BOOL: return a->b;
    case XI_ATEN_DOUBLE: return a->d > -9e18 && a->d < 9e18 ? (int64_t)a->d : 0;
    default:
        xi_aten_fail(x, XINF_MALFORMED, "%s is a %s, not an int", who, xi_aten_kind_name(a));
        return 0;
    }
}

double xi_aten_arg_double(xi_aten *x, const xi_aten_value *a, const char *who)
{
    if (!args_known(x, a, who)) return 0;
    switch (a->kind) {
    case XI_ATEN_INT: return (double)a->i;
    case XI_ATEN_BOOL: return a->b;
    case XI_ATEN_DOUBLE: return a->d;
    case XI_ATEN_TENSOR: {
        xi_value *v = xi_aten_arg(x, a);
        const xi_literal *l = v ? v->literal : NULL;
        if (l && l->count == 1 && l->dtype != XINF_STRING)
            return xi_dtype_load_f64(l->data, l->dtype, 0);
        xi_aten_fail(x, XINF_UNSUPPORTED, "%s depends on what only a run knows", who);
        return 0;
    }
    default:
        xi_aten_fail(x, XINF_MALFORMED, "%s is a %s, not a number", who, xi_aten_kind_name(a));
        return 0;
    }
}

bool xi_aten_arg_bool(xi_aten *x, const xi_aten_value *a, const char *who)
{
    if (a->kind == XI_ATEN_NONE) return false;
    return xi_aten_arg_int(x, a, who) != 0;
}

int32_t xi_aten_arg_ints(xi_aten *x, const xi_aten_value *a, int64_t *out, int32_t max,
                         int32_t want, const char *who)
{
    if (x->status != XINF_OK) return -1;
    if (a->kind == XI_ATEN_NONE) return 0;
    if (a->kind != XI_ATEN_LIST && a->kind != XI_ATEN_TUPLE) {
        int64_t one = xi_aten_arg_int(x, a, who);
        if (x->status != XINF_OK || want > max) return -1;
        for (int32_t i = 0; i < want; i++) out[i] = one;
        return want;
    }
    if (a->list->count > max)
        return xi_aten_fail(x, XINF_MALFORMED, "%s has %d numbers", who, a->list->count), -1;
    for (int32_t i = 0; i < a->list->count; i++)
        out[i] = xi_aten_arg_int(x, &a->list->items[i], who);
    if (x->status != XINF_OK) return -1;
    if (a->list->count == 1 && want > 1 && want <= max) {
        for (int32_t i = 1; i < want; i++) out[i] = out[0];
        return want;
    }
    return a->list->count;
}

xi_value *xi_aten_int_value(xi_aten *x, const xi_aten_value *a)
{
    if (a->kind == XI_ATEN_TENSOR)
        return xi_aten_cast(x, xi_aten_reshape(x, xi_aten_arg(x, a), NULL, 0), XINF_INT64);
    if (a->scalar) return xi_aten_cast(x, a->scalar, XINF_INT64);
    return xi_aten_whole(x, XINF_INT64, xi_aten_arg_int(x, a, "an argument"));
}

xi_value *xi_aten_int_vector(xi_aten *x, const xi_aten_value *a)
{
    if (a->kind == XI_ATEN_TENSOR)
        return xi_aten_cast(x, xi_aten_reshape(x, xi_aten_arg(x, a), (int64_t[]){1}, 1),
                            XINF_INT64);
    if (a->scalar) return xi_aten_unsqueeze(x, xi_aten_cast(x, a->scalar, XINF_INT64), 0);
    return xi_aten_int1(x, xi_aten_arg_int(x, a, "an argument"));
}

xi_value *xi_aten_int_list(xi_aten *x, const xi_aten_value *a)
{
    xi_value *parts[XI_MAX_RANK];
    int64_t known[XI_MAX_RANK];
    bool all = true;
    if (x->status != XINF_OK) return NULL;
    if (a->kind != XI_ATEN_LIST && a->kind != XI_ATEN_TUPLE) return xi_aten_int_vector(x, a);
    if (a->list->count > XI_MAX_RANK)
        return xi_aten_fail(x, XINF_UNSUPPORTED, "a shape of %d dimensions", a->list->count), NULL;
    for (int32_t i = 0; i < a->list->count; i++) {
        const xi_aten_value *item = &a->list->items[i];
        bool here = !item->scalar && (item->kind == XI_ATEN_INT || item->kind == XI_ATEN_BOOL);
        all = all && here;
        if (here) known[i] = item->kind == XI_ATEN_INT ? item->i : item->b;
    }
    if (all) return xi_aten_ints(x, known, a->list->count);
    for (int32_t i = 0; i < a->list->count; i++)
        parts[i] = xi_aten_int_vector(x, &a->list->items[i]);
    return xi_aten_concat(x, a->list->count, parts, 0);
}

xi_value *xi_aten_scalar(xi_aten *x, const xi_aten_value *a, xinf_dtype dtype)
{
    if (x->status != XINF_OK) return NULL;
    if (a->kind == XI_ATEN_TENSOR) return xi_aten_cast(x, xi_aten_arg(x, a), dtype);
    if (a->scalar) return xi_aten_cast(x, a->scalar, dtype);
    if (a->kind == XI_ATEN_INT) return xi_aten_whole(x, dtype, a->i);
    if (a->kind == XI_ATEN_BOOL) return xi_aten_whole(x, dtype, a->b);
    return xi_aten_number(x, dtype, xi_aten_arg_double(x, a, "an argument"));
}

xinf_dtype xi_aten_arg_dtype(xi_aten *x, const xi_aten_value *a, xinf_dtype fallback)
{
    if (a->kind == XI_ATEN_NONE) return fallback;
    int64_t number = xi_aten_arg_int(x, a, "a dtype");
    xinf_dtype dtype = number >= 0 && number < 255 ? xi_torch_dtype_element((xi_torch_dtype)number)
                                                   : XINF_UNDEFINED;
    if (dtype == XINF_UNDEFINED)
        xi_aten_fail(x, XINF_UNSUPPORTED, "dtype %lld (%s)", (long long)number,
                     xi_torch_dtype_name((xi_torch_dtype)(number & 255)));
    return dtype;
}

/* ---- promotion ---- */

/* 0 bool, 1 integer, 2 real, 3 complex */
static int args_category(xinf_dtype d)
{
    if (d == XINF_BOOL) return 0;
    if (xi_dtype_is_int(d)) return 1;
    return d == XINF_COMPLEX64 || d == XINF_COMPLEX128 ? 3 : 2;
}

/* Of two dtypes of one standing. */
static xinf_dtype args_join(xinf_dtype a, xinf_dtype b)
{
    int ca = args_category(a), cb = args_category(b);
    if (a == b) return a;
    if (ca != cb) {
        if (ca < 3 && cb < 3) return ca > cb ? a : b;
        xinf_dtype real = ca < cb ? a : b, complex = ca < cb ? b : a;
        return real == XINF_FLOAT64 ? XINF_COMPLEX128 : complex;
    }
    if (ca == 3) return XINF_COMPLEX128;
    if (ca == 2)
        return xi_dtype_bits(a) == xi_dtype_bits(b)  ? XINF_FLOAT32
               : xi_dtype_bits(a) > xi_dtype_bits(b) ? a
                                                     : b;
    /* uint8 with a signed type of no more bits is the next signed one. */
    bool ua = xi_dtype_is_unsigned(a), ub = xi_dtype_is_unsigned(b);
    if (ua == ub) return xi_dtype_bits(a) > xi_dtype_bits(b) ? a : b;
    xinf_dtype u = ua ? a : b, s = ua ? b : a;
    if (xi_dtype_bits(s) > xi_dtype_bits(u)) return s;
    return xi_dtype_bits(u) <= 8 ? XINF_INT16 : xi_dtype_bits(u) <= 16 ? XINF_INT32 : XINF_INT64;
}

/* 0: a number of the program, 1: a tensor of rank 0, 2: any other tensor */
static int args_standing(const xi_value *v, bool number)
{
    return number ? 0 : xi_aten_rank(v) == 0 ? 1 : 2;
}

void xi_aten_promote(xi_aten *x, xi_value **a, bool a_number, xi_value **b, bool b_number)
{
    if (!*a || !*b || x->status != XINF_OK) return;
    xinf_dtype da = xi_aten_dtype(*a), db = xi_aten_dtype(*b), to;
    int sa = args_standing(*a, a_number), sb = args_standing(*b, b_number);
    if (da == db && da != XINF_UNDEFINED) return;
    if (da == XINF_UNDEFINED || db == XINF_UNDEFINED) {
        /* A number takes the tensor's dtype; of two tensors the unknown one is taken to be like the
         * other. */
        if (b_number || da == XINF_UNDEFINED) {
            if (b_number)
                *b = xi_aten_cast_like(x, *b, *a);
            else if (a_number)
                *a = xi_aten_cast_like(x, *a, *b);
        } else if (a_number) {
            *a = xi_aten_cast_like(x, *a, *b);
        }
        return;
    }
    if (sa == sb) {
        to = args_join(da, db);
    } else {
        xinf_dtype high = sa > sb ? da : db, low = sa > sb ? db : da;
        /* The lower standing counts only by its category; a number then has the default dtype of
         * it. */
        to = args_category(low) <= args_category(high) ? high : low;
        if (to == low && (sa == 0 || sb == 0) && args_category(low) == 2) to = XINF_FLOAT32;
    }
    *a = xi_aten_cast(x, *a, to);
    *b = xi_aten_cast(x, *b, to);
}
