/* function.c — calls of functions are inlined. */
#include "base/allocator.h"
#include "import/tensorflow/importer.h"

xi_tf_body *xi_tf_function_find(xi_tf_importer *im, xi_str name)
{
    const xi_onnx_name *found = xi_onnx_names_find(&im->function_names, name);
    return found ? &im->functions[found->index] : NULL;
}

static xi_str function_result(const Tf__FunctionDef *f, xi_str name)
{
    for (size_t i = 0; i < f->n_ret; i++)
        if (xi_str_eq(xi_tf_str(f->ret[i]->key), name)) return xi_tf_str(f->ret[i]->value);
    return (xi_str){NULL, 0};
}

static xinf_status function_result_ref(xi_tf_ref *out, xi_tf_importer *im, xi_tf_body *b,
                                       size_t index)
{
    xi_str name = xi_tf_str(b->function->signature->output_arg[index]->name),
           text = function_result(b->function, name);
    if (!text.len)
        return xi_fail(im->err, XINF_MALFORMED,
                       "function %.*s does not say what its result \"%.*s\" is",
                       XI_STR_ARG(xi_tf_str(b->function->signature->name)), XI_STR_ARG(name));
    return xi_tf_ref_parse(out, im, b, text, xi_tf_str(b->function->signature->name));
}

bool xi_tf_function_passes(xi_tf_importer *im, xi_tf_body *b, int32_t index)
{
    xi_tf_ref ref;
    const Tf__FunctionDef *f = b->function;
    if (!f->signature || (size_t)index >= f->signature->n_output_arg) return false;
    xinf_status status = xi_tf_body_prepare(im, b);
    if (!status) status = function_result_ref(&ref, im, b, (size_t)index);
    if (status) im->refs_status = status;
    if (status) return false;
    for (int hops = 0; hops < 32; hops++) {
        if (ref.node == UINT32_MAX) return ref.output == index;
        if (!xi_str_is(xi_tf_str(b->nodes[ref.node]->op), "Identity")) return false;
        const xi_tf_ref *refs = xi_tf_body_refs(im, b, ref.node);
        if (!refs || !b->nodes[ref.node]->n_input || refs[0].control) return false;
        ref = refs[0];
    }
    return false;
}

static xinf_status function_check(xi_tf_importer *im, const xi_tf_scope *caller,
                                  const xi_tf_body *b, int32_t arg_count)
{
    xi_str name = xi_tf_str(b->function->signature->name);
    for (const xi_tf_scope *s = caller; s; s = s->caller)
        if (s->body == b)
            return xi_fail(im->err, XINF_UNSUPPORTED,
                           "function %.*s calls itself, which no graph can hold", XI_STR_ARG(name));
    if (caller && caller->depth >= im->limits.max_depth)
        return xi_fail(im->err, XINF_LIMIT, "function %.*s: calls are nested more than %u deep",
                       XI_STR_ARG(name), im->limits.max_depth);
    if ((size_t)arg_count != b->function->signature->n_input_arg)
        return xi_fail(im->err, XINF_MALFORMED, "function %.*s takes %zu arguments, %d are given",
                       XI_STR_ARG(name), b->function->signature->n_input_arg, (int)arg_count);
    return XINF_OK;
}

static xinf_status function_results(xi_tf_value *out, int32_t count, xi_tf_importer *im,
                                    xi_tf_scope *s)
{
    xi_tf_body *b = s->body;
    xi_tf_value *unused;
    xinf_status status = XINF_OK;
    for (size_t i = 0; i < b->function->n_control_ret && im->effects; i++) {
        xi_tf_ref ref;
        XI_TRY(xi_tf_ref_parse(&ref, im, b, xi_tf_str(b->function->control_ret[i]->value),
                               xi_tf_str(b->function->signature->name)));
        ref.control = true;
        XI_TRY(xi_tf_eval(&unused, im, s, ref));
    }
    for (int32_t i = 0; i < count; i++) {
        xi_tf_ref ref;
        xi_tf_value *v;
        XI_TRY(function_result_ref(&ref, im, b, (size_t)i));
        XI_TRY(xi_tf_eval(&v, im, s, ref));
        out[i] = *v;
    }
cleanup:
    return status;
}

xinf_status xi_tf_inline(xi_tf_value **out, int32_t *out_count, xi_tf_importer *im,
                         xi_tf_scope *caller, const Tf__Node *call, const Tf__Function *f,
                         xi_graph *graph, const xi_tf_value *args, int32_t arg_count)
{
    xi_tf_scope s = {0};
    xinf_status status = XINF_OK;
    xi_tf_body *b = f ? xi_tf_function_find(im, xi_tf_str(f->name)) : NULL;
    *out = NULL;
    *out_count = 0;
    if (!b || !b->function->signature)
        return xi_fail(im->err, XINF_MALFORMED,
                       "node %.*s calls the function \"%.*s\", which the file does not hold",
                       XI_STR_ARG(xi_tf_str(call->name)),
                       XI_STR_ARG(f ? xi_tf_str(f->name) : XI_STR("")));
    XI_TRY(function_check(im, caller, b, arg_count));
    XI_TRY(xi_tf_body_prepare(im, b));
    XI_TRY(xi_tf_scope_init(&s, im, b, graph));
    s.caller = caller;
    s.call = call;
    s.depth = caller ? caller->depth + 1 : 0;
    xi_tf_value *own = xi_arena_array(&im->family->arena, (size_t)arg_count + 1, sizeof *own);
    int32_t count = (int32_t)b->function->signature->n_output_arg;
    xi_tf_value *results = xi_arena_array(&im->family->arena, (size_t)count + 1, sizeof *results);
    if (!own || !results) XI_TRY(xi_tf_no_memory(im));
    if (arg_count) memcpy(own, args, (size_t)arg_count * sizeof *own);
    s.args = own;
    s.arg_count = arg_count;
    XI_TRY(function_results(results, count, im, &s));
    *out = results;
    *out_count = count;
cleanup:
    xi_tf_scope_free(&s, im);
    return status;
}
