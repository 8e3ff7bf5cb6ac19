/* env.c — environment, devices, cancel tokens. */
#include "env.h"

#include <string.h>

#include "base/allocator.h"
#include "base/error.h"

/* ISA bits in the order in which they are told. */
static const struct {
    uint32_t bit;
    const char *name;
} env_features[] = {
    {XI_ISA_AVX2, "avx2"},
    {XI_ISA_AVX512, "avx512"},
    {XI_ISA_AVX512_VNNI, "avx512_vnni"},
    {XI_ISA_AVX512_BF16, "avx512_bf16"},
    {XI_ISA_AVX_VNNI, "avx_vnni"},
    {XI_ISA_AMX, "amx"},
    {XI_ISA_NEON, "neon"},
    {XI_ISA_NEON_DOTPROD, "neon_dotprod"},
};

static void env_describe_cpu(xinf_env *env)
{
    size_t at = 0;
    xi_cpu_query(&env->cpu);
    for (size_t i = 0; i < sizeof env_features / sizeof env_features[0]; i++) {
        size_t n = strlen(env_features[i].name);
        if (!(env->cpu.isa & env_features[i].bit) || at + n + 2 > sizeof env->features) continue;
        if (at) env->features[at++] = ' ';
        memcpy(env->features + at, env_features[i].name, n + 1);
        at += n;
    }
}

xinf_status xinf_env_create(xinf_env **out, const xinf_env_options *options, xinf_error *err)
{
    if (!out) return xi_fail(err, XINF_INVALID_ARGUMENT, "xinf_env_create: out is NULL");
    *out = NULL;
    xinf_env_options o = XINF_ENV_OPTIONS_INIT;
    if (options && options->struct_size)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    xinf_allocator alloc = o.allocator.fn ? o.allocator : xi_allocator_default();
    if (o.executor && (o.executor->struct_size < sizeof *o.executor || !o.executor->parallel ||
                       o.executor->max_concurrency < 1))
        return xi_fail(err, XINF_INVALID_ARGUMENT,
                       "the executor has no parallel function, or max_concurrency is below 1");
    xinf_env *env = xi_calloc(&alloc, 1, sizeof *env);
    if (!env) return xi_fail_memory(err, sizeof *env);
    atomic_init(&env->refs, 1);
    env->alloc = alloc;
    env->logger = o.logger;
    if (o.executor) env->executor = *o.executor;
    if (o.weight_cache) {
        size_t size = strlen(o.weight_cache) + 1;
        env->weight_cache = xi_alloc(&alloc, size);
        if (!env->weight_cache) {
            xinf_env_destroy(env);
            return xi_fail_memory(err, size);
        }
        memcpy(env->weight_cache, o.weight_cache, size);
    }
    env_describe_cpu(env);
    *out = env;
    return XINF_OK;
}

xinf_env *xi_env_retain(xinf_env *env)
{
    atomic_fetch_add_explicit(&env->refs, 1, memory_order_relaxed);
    return env;
}

void xinf_env_destroy(xinf_env *env)
{
    if (!env || atomic_fetch_sub_explicit(&env->refs, 1, memory_order_acq_rel) != 1) return;
    xinf_allocator alloc = env->alloc;
    xi_customs_end(&env->customs, &alloc);
    xi_free(&alloc, env->weight_cache, env->weight_cache ? strlen(env->weight_cache) + 1 : 0);
    xi_free(&alloc, env, sizeof *env);
}

void xi_env_log(const xinf_env *env, int32_t level, const char *message)
{
    if (env->logger.fn) env->logger.fn(env->logger.self, level, message);
}

xinf_status xinf_env_add_operator(xinf_env *env, const xinf_operator *op, xinf_error *err)
{
    if (!env || !op || op->struct_size < sizeof *op)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "xinf_env_add_operator: an argument is missing");
    return xi_customs_add(&env->customs, &env->alloc, op, err);
}

int32_t xinf_env_device_count(xinf_env *env)
{
    return env ? 1 : 0;
}

xinf_status xinf_env_device(xinf_env *env, int32_t index, xinf_device_info *out, xinf_error *err)
{
    if (!env || !out) return xi_fail(err, XINF_INVALID_ARGUMENT, "NULL argument");
    if (index != 0) return xi_fail(err, XINF_INVALID_ARGUMENT, "there is no device %d", (int)index);
    xinf_device_info info = {.struct_size = out->struct_size,
                             .units = env->cpu.cpus,
                             .name = "cpu",
                             .model = env->cpu.model,
                             .features = env->features,
                             .memory_bytes = env->cpu.memory};
    memcpy(out, &info, out->struct_size < sizeof info ? out->struct_size : sizeof info);
    return XINF_OK;
}

xinf_status xinf_cancel_create(xinf_cancel **out, xinf_env *env, xinf_error *err)
{
    if (!out || !env) return xi_fail(err, XINF_INVALID_ARGUMENT, "NULL argument");
    *out = xi_calloc(&env->alloc, 1, sizeof **out);
    if (!*out) return xi_fail_memory(err, sizeof **out);
    (*out)->env = xi_env_retain(env);
    atomic_init(&(*out)->flag, 0);
    return XINF_OK;
}

void xinf_cancel_destroy(xinf_cancel *c)
{
    if (!c) return;
    xinf_env *env = c->env;
    xi_free(&env->alloc, c, sizeof *c);
    xinf_env_destroy(env);
}

void xinf_cancel_trigger(xinf_cancel *c)
{
    if (c) atomic_store_explicit(&c->flag, 1, memory_order_relaxed);
}

void xinf_cancel_reset(xinf_cancel *c)
{
    if (c) atomic_store_explicit(&c->flag, 0, memory_order_relaxed);
}
