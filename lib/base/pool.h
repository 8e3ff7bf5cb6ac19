/* pool.h — a team of threads that splits one job over tasks, or the caller's own executor.
 *
 * A team is used by one caller at a time (sessions guard it). No thread exists before the first
 * xi_pool_parallel with more than one task. Between xi_pool_begin and xi_pool_end the workers spin
 * up to spin_us between jobs and then sleep; outside they sleep. After fork the child starts its
 * own threads again on first use. */
#ifndef XI_BASE_POOL_H
#define XI_BASE_POOL_H

#include "xinf.h"

typedef struct xi_pool xi_pool;
/* Must not block on other tasks. `worker` < xi_pool_width; scratch is per worker. */
typedef void (*xi_task)(void *arg, int32_t task, int32_t worker);

/* threads: 0 = the CPUs this process may use (affinity mask and cgroup quota); at most 1024.
 * spin_us is the session option: 0 = 50, negative = not at all; with more threads than CPUs there
 * is no spinning. executor: NULL or the caller's own, copied; then the width is its max_concurrency
 * and `threads` is not used. */
xinf_status xi_pool_create(xi_pool **out, const xinf_allocator *alloc, int32_t threads,
                           int32_t spin_us, const xinf_executor *executor, xinf_error *err);
void xi_pool_destroy(xi_pool *p);
/* How many workers there are at most, the caller included; >= 1. */
int32_t xi_pool_width(const xi_pool *p);
void xi_pool_begin(xi_pool *p);
void xi_pool_end(xi_pool *p);
/* Ends the threads; the next job starts them again. For work outside of runs. */
void xi_pool_rest(xi_pool *p);
/* Runs task 0..count-1, each once, and returns when all have ended. Any count; inside a task it
 * must not be called again on the same pool. If threads cannot be started the caller runs them all.
 * With an executor, at most max_concurrency executor tasks draw the tasks from a shared counter,
 * and `worker` is the executor task's index. Allocates nothing. */
void xi_pool_parallel(xi_pool *p, int32_t count, xi_task task, void *arg);

#endif
