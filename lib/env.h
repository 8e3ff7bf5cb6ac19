/* env.h — what objects of one environment share. */
#ifndef XI_ENV_H
#define XI_ENV_H

#include <stdatomic.h>

#include "base/cpu.h"
#include "graph/custom.h"
#include "xinf.h"

struct xinf_env {
    atomic_int refs;
    xinf_allocator alloc;
    xinf_logger logger;
    xinf_executor executor; /* parallel NULL: none */
    char *weight_cache;     /* a folder, or NULL */
    xi_cpu cpu;
    char features[96];
    xi_customs customs; /* live as long as the environment: models hold it */
};

xinf_env *xi_env_retain(xinf_env *env);
/* Tells the user's logger; level as in xinf_logger. */
void xi_env_log(const xinf_env *env, int32_t level, const char *message);

struct xinf_cancel {
    xinf_env *env;
    atomic_int flag;
};

#endif
