/* machine_inputs.c — parameters of a method become inputs of the graph. */
#include "import/torch/machine_signature.h"

#include <stdio.h>

#include "import/torch/op.h"

/* Where number `order` of the hints without names stands; the count when there is none. */
static int32_t inputs_place(const xi_import_source *s, int32_t order)
{
    int32_t at = 0;
    for (; at < s->hint_count; at++)
        if (!s->hints[at].name && order-- == 0) break;
    return at;
}

const xinf_value_info *xi_machine_hint(const xi_machine_job *job, xi_str name, int32_t order)
{
    const xi_import_source *s = job->source;
    for (int32_t i = 0; i < s->hint_count; i++)
        if (s->hints[i].name && xi_str_is(name, s->hints[i].name)) return &s->hints[i];
    int32_t at = inputs_place(s, order);
    return at < s->hint_count ? &s->hints[at] : NULL;
}

static xi_value *inputs_input(xi_machine *m, xi_machine_inputs *in, xi_str name,
                              const xi_type *type)
{
    if (in->count == XI_MACHINE_INPUTS) {
        xi_machine_fail(m, XINF_LIMIT, "more than %d inputs", XI_MACHINE_INPUTS);
        return NULL;
    }
    xi_value *v = xi_graph_add_value(m->x.graph, name, type);
    if (!v) return xi_aten_memory(&m->x), NULL;
    return in->values[in->count++] = v;
}

/* What the run, or a session's caller, brings: of a tensor, or of the items of a list. */
static const xi_type *inputs_given(const xi_machine_job *job, const xi_machine_inputs *in,
                                   bool item)
{
    const xi_type *t = job->types && in->count < job->type_count ? &job->types[in->count] : NULL;
    if (!t) return NULL;
    if (item) return t->kind == XINF_KIND_SEQUENCE ? t->element : NULL;
    return t->kind == XINF_KIND_TENSOR ? t : NULL;
}

static int64_t inputs_symbol(xi_machine *m, xi_str name, int32_t axis)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%d", (int)axis);
    xi_str number = {xi_arena_strndup(m->x.arena, text, (size_t)len), (size_t)len};
    int64_t symbol = number.ptr ? xi_family_symbol(m->x.family, xi_machine_join(m, name, number))
                                : 0;
    if (!symbol) xi_aten_memory(&m->x);
    return symbol;
}

/* item: of a list, whose items may differ in size. */
static xi_type inputs_tensor_type(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                                  xi_str name, const xinf_value_info *hint, bool item)
{
    xi_machine_guess g = {XINF_FLOAT32, -1};
    xi_type t = XI_TYPE_UNKNOWN;
    const xi_type *given = inputs_given(job, in, item);
    if (given)
        g = (xi_machine_guess){given->dtype, given->shape.rank};
    else if (hint)
        g = (xi_machine_guess){hint->dtype, hint->rank};
    else if (in->tensors < XI_MACHINE_INPUTS)
        g = job->guesses[in->tensors++];
    t.dtype = g.dtype;
    t.shape.rank = g.rank > XI_MAX_RANK ? -1 : g.rank;
    for (int32_t i = 0; i < t.shape.rank; i++) {
        t.shape.dim[i] = item ? XI_DIM_UNKNOWN : inputs_symbol(m, name, i);
        if (!job->dims) continue;
        if (given && given->shape.dim[i] >= 0)
            t.shape.dim[i] = given->shape.dim[i];
        else if (!given && !item && hint && hint->shape && hint->shape[i] >= 0)
            t.shape.dim[i] = hint->shape[i];
    }
    return t;
}

static xi_aten_value inputs_number(xi_machine *m, xi_machine_inputs *in, xi_str name,
                                   xi_aten_kind kind)
{
    xinf_dtype dtype = kind == XI_ATEN_INT    ? XINF_INT64
                       : kind == XI_ATEN_BOOL ? XINF_BOOL
                                              : XINF_FLOAT64;
    xi_type type = {.kind = XINF_KIND_TENSOR, .dtype = dtype, .shape = XI_SHAPE_SCALAR};
    return xi_aten_dynamic(kind, inputs_input(m, in, name, &type));
}

xi_str xi_machine_type_name(const xi_script_expr *type)
{
    if (!type) return XI_STR("Tensor");
    if (type->kind == XI_SCRIPT_SUBSCRIPT) return type->items[0]->text;
    return type->text;
}

static xi_aten_value inputs_param(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                                  xi_str name, const xi_script_expr *type,
                                  const xinf_value_info *hint);

/* ---- dicts: each key is an input of its own, "d.key" ---- */

static void inputs_add_key(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in, xi_str name,
                           xi_str key, const xi_script_expr *type, const xinf_value_info *hint,
                           xi_aten_dict *dict)
{
    for (int32_t i = 0; i < dict->count; i++)
        if (xi_str_eq(dict->keys[i].s, key)) return;
    xi_aten_value args[3] = {
        {XI_ATEN_DICT, NULL, {.dict = dict}},
        xi_aten_string(key),
        inputs_param(m, job, in, xi_machine_join(m, name, key), type->items[2], hint)};
    xi_machine_operator(m, XI_STR("_set_item"), args, 3, NULL, 0);
}

/* Keys that the caller tells: "d.key", or ".key" behind the hint that stands for the dict. */
static void inputs_told_keys(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in, xi_str name,
                             const xi_script_expr *type, xi_aten_dict *dict)
{
    const xi_import_source *s = job->source;
    xi_str front = xi_machine_join(m, name, XI_STR(""));
    int32_t at = inputs_place(s, in->order) + 1;
    for (int32_t i = 0; i < s->hint_count && xi_machine_good(m); i++) {
        const xinf_value_info *h = &s->hints[i];
        xi_str whole = xi_str_of(h->name ? h->name : "");
        if (whole.len > front.len && memcmp(whole.ptr, front.ptr, front.len) == 0)
            inputs_add_key(m, job, in, name, (xi_str){whole.ptr + front.len, whole.len - front.len},
                           type, h, dict);
        else if (i == at && whole.len > 1 && whole.ptr[0] == '.') {
            inputs_add_key(m, job, in, name, (xi_str){whole.ptr + 1, whole.len - 1}, type, h, dict);
            at++;
        }
    }
}

/* Keys that the method asks for by d["key"]; false: it uses the dict in another way too. */
static bool inputs_asked_keys(xi_machine *m, const xi_script_expr *e, xi_str name,
                              xi_aten_list *keys)
{
    if (!e) return true;
    if (e->kind == XI_SCRIPT_NAME) return !xi_str_eq(e->text, name);
    if (e->kind == XI_SCRIPT_SUBSCRIPT && e->items[0]->kind == XI_SCRIPT_NAME &&
        xi_str_eq(e->items[0]->text, name)) {
        if (e->count != 2 || e->items[1]->kind != XI_SCRIPT_STRING) return false;
        return xi_aten_append(&m->x, keys, xi_aten_string(e->items[1]->text));
    }
    for (int32_t i = 0; i < e->count; i++)
        if (!inputs_asked_keys(m, e->items[i], name, keys)) return false;
    return true;
}

static bool inputs_asked_in(xi_machine *m, const xi_script_block *b, xi_str name,
                            xi_aten_list *keys)
{
    for (int32_t i = 0; i < b->count; i++) {
        const xi_script_stmt *s = b->items[i];
        if (!inputs_asked_keys(m, s->targets, name, keys) ||
            !inputs_asked_keys(m, s->value, name, keys) ||
            !inputs_asked_in(m, &s->body, name, keys) ||
            !inputs_asked_in(m, &s->orelse, name, keys))
            return false;
    }
    return true;
}

static xi_aten_value inputs_dict(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                                 xi_str name, const xi_script_expr *type)
{
    xi_aten_value out = {XI_ATEN_DICT, NULL, {.i = 0}},
                  keys = xi_aten_new_list(&m->x, XI_ATEN_LIST, 4);
    out.dict = xi_machine_good(m) ? xi_arena_alloc(m->x.arena, sizeof *out.dict) : NULL;
    if (!out.dict || keys.kind != XI_ATEN_LIST) return xi_aten_memory(&m->x), xi_aten_none();
    if (type->count != 3 || !xi_str_is(type->items[1]->text, "str"))
        return xi_machine_fail(m, XINF_UNSUPPORTED,
                               "input \"%.*s\" is a dict with keys that are no strings",
                               XI_STR_ARG(name));
    inputs_told_keys(m, job, in, name, type, out.dict);
    if (out.dict->count || !xi_machine_good(m)) return out;
    if (!inputs_asked_in(m, &in->method->body, name, keys.list))
        return xi_machine_fail(m, XINF_UNSUPPORTED,
                               "input \"%.*s\" is a dict whose keys the program does not tell: "
                               "name inputs \"%.*s.KEY\" when it is loaded",
                               XI_STR_ARG(name), XI_STR_ARG(name));
    for (int32_t i = 0; i < keys.list->count && xi_machine_good(m); i++) {
        xi_str key = keys.list->items[i].s;
        inputs_add_key(m, job, in, name, key, type,
                       xi_machine_hint(job, xi_machine_join(m, name, key), INT32_MAX), out.dict);
    }
    return out;
}

/* ---- lists ---- */

/* Numbers: one input of rank 1, as many as there are when the program is imported. */
static xi_aten_value inputs_numbers(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                                    xi_str name, xi_aten_kind kind, const xinf_value_info *hint)
{
    xinf_dtype dtype = kind == XI_ATEN_INT    ? XINF_INT64
                       : kind == XI_ATEN_BOOL ? XINF_BOOL
                                              : XINF_FLOAT64;
    xi_type type = {.kind = XINF_KIND_TENSOR, .dtype = dtype};
    type.shape = xi_shape_of(1, (int64_t[]){XI_DIM_UNKNOWN});
    if (job->types && in->count < job->type_count && job->types[in->count].shape.rank == 1)
        type.shape.dim[0] = job->types[in->count].shape.dim[0];
    else if (hint && hint->rank == 1 && hint->shape)
        type.shape.dim[0] = hint->shape[0];
    xi_value *v = inputs_input(m, in, name, &type);
    if (!v || job->declared) return xi_aten_none();
    if (type.shape.dim[0] < 0 || type.shape.dim[0] > 4096) {
        m->x.wants_types = true;
        return xi_machine_fail(m, XINF_UNSUPPORTED,
                               "input \"%.*s\" is a list, and its length is not told",
                               XI_STR_ARG(name));
    }
    xi_aten_value out = xi_aten_new_list(&m->x, XI_ATEN_LIST, (int32_t)type.shape.dim[0]);
    for (int64_t i = 0; i < type.shape.dim[0] && xi_machine_good(m); i++)
        xi_aten_append(&m->x, out.list,
                       xi_aten_dynamic(
                           kind, xi_aten_gather(&m->x, v, xi_aten_whole(&m->x, XINF_INT64, i), 0)));
    return out;
}

/* ---- tuples ---- */

/* Each part of a tuple is an input of its own: "h.0". */
static xi_aten_value inputs_tuple(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                                  xi_str name, const xi_script_expr *type)
{
    xi_aten_value out = xi_aten_new_list(&m->x, XI_ATEN_TUPLE, type->count - 1);
    for (int32_t i = 1; i < type->count && xi_machine_good(m); i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%d", (int)(i - 1));
        xi_str part = xi_machine_join(
            m, name, (xi_str){xi_arena_strndup(m->x.arena, text, (size_t)len), (size_t)len});
        xi_aten_append(
            &m->x, out.list,
            inputs_param(m, job, in, part, type->items[i], xi_machine_hint(job, part, INT32_MAX)));
    }
    return out;
}

static xi_aten_value inputs_sequence(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                                     xi_str name, const xinf_value_info *hint)
{
    xi_type *element = xi_arena_alloc(m->x.arena, sizeof *element);
    if (!element) return xi_aten_memory(&m->x), xi_aten_none();
    *element = inputs_tensor_type(m, job, in, name, hint && hint->dtype ? hint : NULL, true);
    xi_type type = {.kind = XINF_KIND_SEQUENCE, .shape = XI_SHAPE_UNKNOWN, .element = element};
    return xi_aten_dynamic(XI_ATEN_SEQUENCE, inputs_input(m, in, name, &type));
}

static xi_aten_value inputs_list(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                                 xi_str name, xi_str word, const xinf_value_info *hint)
{
    if (xi_str_is(word, "Tensor")) return inputs_sequence(m, job, in, name, hint);
    if (xi_str_is(word, "int")) return inputs_numbers(m, job, in, name, XI_ATEN_INT, hint);
    if (xi_str_is(word, "float")) return inputs_numbers(m, job, in, name, XI_ATEN_DOUBLE, hint);
    if (xi_str_is(word, "bool")) return inputs_numbers(m, job, in, name, XI_ATEN_BOOL, hint);
    return xi_machine_fail(m, XINF_UNSUPPORTED, "input \"%.*s\" is a list of %.*s",
                           XI_STR_ARG(name), XI_STR_ARG(word));
}

static xi_aten_value inputs_param(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                                  xi_str name, const xi_script_expr *type,
                                  const xinf_value_info *hint)
{
    xi_str word = xi_machine_type_name(type);
    if (!xi_machine_good(m)) return xi_aten_none();
    if (m->depth++ > 64) return xi_machine_fail(m, XINF_LIMIT, "types nest too deeply");
    xi_aten_value out = xi_aten_none();
    if (xi_str_is(word, "Optional") && type->kind == XI_SCRIPT_SUBSCRIPT && type->count == 2)
        out = inputs_param(m, job, in, name, type->items[1], hint);
    else if (xi_str_is(word, "Tuple") && type->kind == XI_SCRIPT_SUBSCRIPT)
        out = inputs_tuple(m, job, in, name, type);
    else if (xi_str_is(word, "Dict") && type->kind == XI_SCRIPT_SUBSCRIPT)
        out = inputs_dict(m, job, in, name, type);
    else if (xi_str_is(word, "List") && type->kind == XI_SCRIPT_SUBSCRIPT && type->count == 2)
        out = inputs_list(m, job, in, name, xi_machine_type_name(type->items[1]), hint);
    else if (xi_str_is(word, "int"))
        out = inputs_number(m, in, name, XI_ATEN_INT);
    else if (xi_str_is(word, "float") || xi_str_is(word, "number"))
        out = inputs_number(m, in, name, XI_ATEN_DOUBLE);
    else if (xi_str_is(word, "bool"))
        out = inputs_number(m, in, name, XI_ATEN_BOOL);
    else if (xi_str_is(word, "Tensor")) {
        xi_type t = inputs_tensor_type(m, job, in, name, hint, false);
        xi_value *v = xi_machine_good(m) ? inputs_input(m, in, name, &t) : NULL;
        if (v) out = xi_aten_tensor_of(&m->x, v);
    } else {
        xi_machine_fail(m, XINF_UNSUPPORTED, "input \"%.*s\" is a %.*s", XI_STR_ARG(name),
                        XI_STR_ARG(word));
    }
    m->depth--;
    return out;
}

xi_aten_value xi_machine_param(xi_machine *m, xi_machine_job *job, xi_machine_inputs *in,
                               const xi_script_function *f, const xi_script_param *p,
                               const xinf_value_info *hint)
{
    in->method = f;
    return inputs_param(m, job, in, p->name, p->type, hint);
}
