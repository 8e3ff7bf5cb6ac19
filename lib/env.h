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
    xi_cpu cpu;
    char features[96];
    xi_customs customs; /* live as long as the environment: models hold it */
};

xinf_env *xi_env_retain(xinf_env *env);

struct xinf_cancel {
    xinf_env *env;
    atomic_int flag;
};

#endif
