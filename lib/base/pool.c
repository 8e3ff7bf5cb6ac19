/* pool.c — one job at a time, its tasks claimed by compare-and-swap.
 *
 * `ticket` is generation << 32 | tasks not yet claimed. A worker reads the job's fields and then
 * claims one task; the claim succeeds only while the ticket is still of the generation whose fields
 * were read, because the caller writes new fields only after all tasks of the old job were claimed
 * and done. The caller waits for claimed tasks, never for threads: threads that sleep, were never
 * started or were lost in a fork cost speed and nothing else. */
#include "base/pool.h"

#include <stdalign.h>
#include <string.h>

#include "base/allocator.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/thread.h"

#define POOL_LINE 64
#define POOL_MOST_THREADS 1024
#define POOL_DEFAULT_SPIN_US 50
/* Pauses between two looks at the clock. */
#define POOL_PAUSES 32

typedef struct pool_worker {
    xi_pool *pool;
    int32_t index;
    xi_thread thread;
} pool_worker;

struct xi_pool {
    xinf_allocator alloc;
    xinf_executor executor;
    bool has_executor, started;
    int32_t width;   /* workers, the caller included */
    int32_t threads; /* threads that run now */
    uint64_t spin_ns;
    uint64_t process;

    /* Written by the caller, read by all. */
    alignas(POOL_LINE) _Atomic uint64_t ticket;
    _Atomic(xi_task) task;
    _Atomic(void *) arg;
    _Atomic int32_t count;
    _Atomic bool active; /* between begin and end: workers spin */
    _Atomic bool leaving;

    /* Written by all. */
    alignas(POOL_LINE) _Atomic int32_t done;
    _Atomic bool caller_waits;
    alignas(POOL_LINE) _Atomic int32_t sleepers;
    alignas(POOL_LINE) xi_gate work_gate;
    alignas(POOL_LINE) xi_gate done_gate;
    pool_worker workers[]; /* width - 1 */
};

typedef struct pool_executor_job {
    _Atomic int32_t next;
    int32_t count;
    xi_task task;
    void *arg;
} pool_executor_job;

static size_t pool_bytes(int32_t width)
{
    return sizeof(xi_pool) + (size_t)(width - 1) * sizeof(pool_worker);
}

static uint32_t pool_generation(uint64_t ticket)
{
    return (uint32_t)(ticket >> 32);
}

/* ---- workers
 * ---------------------------------------------------------------------------------------------------------
 */

/* Claims and runs tasks until none is left; the last one to finish wakes a waiting caller. */
static void pool_job_work(xi_pool *p, int32_t worker)
{
    uint64_t ticket = atomic_load_explicit(&p->ticket, memory_order_acquire);
    int32_t ended = 0, count = 0;
    while ((uint32_t)ticket != 0) {
        xi_task task = atomic_load_explicit(&p->task, memory_order_relaxed);
        void *arg = atomic_load_explicit(&p->arg, memory_order_relaxed);
        int32_t total = atomic_load_explicit(&p->count, memory_order_relaxed);
        uint32_t left = (uint32_t)ticket;
        if (!atomic_compare_exchange_weak_explicit(&p->ticket, &ticket, ticket - 1,
                                                   memory_order_acq_rel, memory_order_acquire))
            continue;
        /* All tasks claimed here are of one job: the caller publishes no other before they are
         * given in below. */
        count = total;
        task(arg, total - (int32_t)left, worker);
        ended++;
        ticket = atomic_load_explicit(&p->ticket, memory_order_acquire);
    }
    if (ended == 0) return;
    if (atomic_fetch_add(&p->done, ended) + ended == count && atomic_load(&p->caller_waits))
        xi_gate_open(&p->done_gate, 1);
}

/* Spins until the ticket differs from `seen`, the pool goes to rest, or the time is over. True:
 * look at the ticket. */
static bool pool_worker_spin(xi_pool *p, uint64_t seen)
{
    uint64_t start;
    if (p->spin_ns == 0 || !atomic_load_explicit(&p->active, memory_order_acquire)) return false;
    start = xi_clock_ns();
    do {
        for (int i = 0; i < POOL_PAUSES; i++) {
            if (atomic_load_explicit(&p->ticket, memory_order_acquire) != seen) return true;
            xi_thread_relax();
        }
        if (!atomic_load_explicit(&p->active, memory_order_acquire)) return false;
        if (atomic_load_explicit(&p->leaving, memory_order_acquire)) return false;
    } while (xi_clock_ns() - start < p->spin_ns);
    return false;
}

/* Sleeps until the gate opens. Counted as a sleeper before the last look at the ticket: the caller
 * publishes the ticket first and then looks at the count, so one of the two sees the other. */
static void pool_worker_sleep(xi_pool *p, uint64_t seen)
{
    uint32_t turn = atomic_load(&p->work_gate.turn);
    atomic_fetch_add(&p->sleepers, 1);
    if (atomic_load(&p->ticket) == seen && !atomic_load(&p->leaving))
        xi_gate_wait(&p->work_gate, turn);
    atomic_fetch_sub(&p->sleepers, 1);
}

static void pool_worker_main(void *arg)
{
    pool_worker *w = arg;
    xi_pool *p = w->pool;
    while (!atomic_load(&p->leaving)) {
        uint64_t ticket;
        pool_job_work(p, w->index);
        ticket = atomic_load(&p->ticket);
        if ((uint32_t)ticket != 0 || pool_worker_spin(p, ticket)) continue;
        pool_worker_sleep(p, ticket);
    }
}

/* ---- the team
 * --------------------------------------------------------------------------------------------------------
 */

static xinf_status pool_gates_init(xi_pool *p, xinf_error *err)
{
    if (!xi_gate_init(&p->work_gate))
        return xi_fail(err, XINF_OUT_OF_MEMORY, "the system gives no lock for the thread pool");
    if (xi_gate_init(&p->done_gate)) return XINF_OK;
    xi_gate_destroy(&p->work_gate);
    return xi_fail(err, XINF_OUT_OF_MEMORY, "the system gives no lock for the thread pool");
}

/* In a child after fork the threads do not exist, and the counters and gates hold whatever they
 * held: all start anew. */
static void pool_team_check(xi_pool *p)
{
    uint64_t process = xi_process_id();
    if (p->process == process) return;
    p->process = process;
    p->started = false;
    p->threads = 0;
    atomic_store(&p->sleepers, 0);
    atomic_store(&p->done, 0);
    atomic_store(&p->caller_waits, false);
    atomic_store(&p->ticket, (uint64_t)(pool_generation(atomic_load(&p->ticket)) + 1) << 32);
    if (pool_gates_init(p, NULL) != XINF_OK)
        p->started = true; /* no gates, no threads: the caller runs all tasks */
}

static void pool_team_start(xi_pool *p)
{
    p->started = true;
    for (int32_t i = 0; i < p->width - 1; i++) {
        pool_worker *w = &p->workers[i];
        w->pool = p;
        w->index = i + 1;
        if (!xi_thread_start(&w->thread, pool_worker_main, w)) break;
        p->threads++;
    }
}

xinf_status xi_pool_create(xi_pool **out, const xinf_allocator *alloc, int32_t threads,
                           int32_t spin_us, const xinf_executor *executor, xinf_error *err)
{
    xi_pool *p;
    xi_cpu cpu;
    int32_t width;
    *out = NULL;
    if (threads < 0 || threads > POOL_MOST_THREADS)
        return xi_fail(err, XINF_INVALID_ARGUMENT, "threads is %d, not 0 to %d", (int)threads,
                       POOL_MOST_THREADS);
    if (executor && (executor->struct_size < sizeof(xinf_executor) || !executor->parallel ||
                     executor->max_concurrency < 1))
        return xi_fail(err, XINF_INVALID_ARGUMENT, "the executor has %s",
                       executor->struct_size < sizeof(xinf_executor)
                           ? "a struct_size that is too small"
                       : !executor->parallel ? "no parallel function"
                                             : "a max_concurrency below 1");
    xi_cpu_query(&cpu);
    width = threads ? threads : cpu.cpus;
    if (width > POOL_MOST_THREADS) width = POOL_MOST_THREADS;
    if (executor) width = 1;
    p = xi_calloc(alloc, 1, pool_bytes(width));
    if (!p) return xi_fail_memory(err, pool_bytes(width));
    p->alloc = alloc ? *alloc : xi_allocator_default();
    p->width = width;
    p->process = xi_process_id();
    if (executor) {
        p->has_executor = true;
        p->executor = *executor;
        p->width = executor->max_concurrency;
    }
    /* Spinning workers take CPUs away from the working ones when there are more threads than CPUs.
     */
    if (spin_us >= 0 && width <= cpu.cpus)
        p->spin_ns = (uint64_t)(spin_us ? spin_us : POOL_DEFAULT_SPIN_US) * 1000;
    if (pool_gates_init(p, err) != XINF_OK) {
        xi_free(alloc, p, pool_bytes(width));
        return XINF_OUT_OF_MEMORY;
    }
    *out = p;
    return XINF_OK;
}

void xi_pool_rest(xi_pool *p)
{
    if (p->process != xi_process_id() || p->threads == 0) return;
    atomic_store(&p->leaving, true);
    xi_gate_open(&p->work_gate, p->threads);
    for (int32_t i = 0; i < p->threads; i++) xi_thread_join(&p->workers[i].thread);
    p->threads = 0;
    p->started = false;
    atomic_store(&p->leaving, false);
}

void xi_pool_destroy(xi_pool *p)
{
    xinf_allocator alloc;
    if (!p) return;
    xi_pool_rest(p);
    if (p->process == xi_process_id()) {
        xi_gate_destroy(&p->done_gate);
        xi_gate_destroy(&p->work_gate);
    }
    alloc = p->alloc;
    xi_free(&alloc, p, pool_bytes(p->has_executor ? 1 : p->width));
}

int32_t xi_pool_width(const xi_pool *p)
{
    return p->width;
}

void xi_pool_begin(xi_pool *p)
{
    if (p->has_executor || p->width == 1) return;
    pool_team_check(p);
    atomic_store(&p->active, true);
    if (p->spin_ns && atomic_load(&p->sleepers) > 0) xi_gate_open(&p->work_gate, p->threads);
}

void xi_pool_end(xi_pool *p)
{
    atomic_store(&p->active, false);
}

/* ---- jobs
 * ------------------------------------------------------------------------------------------------------------
 */

static void pool_executor_task(void *arg, int32_t index)
{
    pool_executor_job *job = arg;
    int32_t task;
    while ((task = atomic_fetch_add(&job->next, 1)) < job->count) job->task(job->arg, task, index);
}

static void pool_executor_run(xi_pool *p, int32_t count, xi_task task, void *arg)
{
    pool_executor_job job;
    atomic_init(&job.next, 0);
    job.count = count;
    job.task = task;
    job.arg = arg;
    p->executor.parallel(p->executor.self, count < p->width ? count : p->width, pool_executor_task,
                         &job);
}

/* Makes the job visible and wakes as many sleepers as it needs beside the threads that are awake.
 */
static void pool_job_publish(xi_pool *p, int32_t count, xi_task task, void *arg)
{
    uint32_t generation = pool_generation(atomic_load_explicit(&p->ticket, memory_order_relaxed)) +
                          1;
    int32_t asleep, missing;
    atomic_store_explicit(&p->done, 0, memory_order_relaxed);
    atomic_store_explicit(&p->task, task, memory_order_relaxed);
    atomic_store_explicit(&p->arg, arg, memory_order_relaxed);
    atomic_store_explicit(&p->count, count, memory_order_relaxed);
    atomic_store(&p->ticket, (uint64_t)generation << 32 | (uint32_t)count);
    asleep = atomic_load(&p->sleepers);
    missing = count - 1 - (p->threads - asleep);
    if (asleep > 0 && missing > 0) xi_gate_open(&p->work_gate, missing < asleep ? missing : asleep);
}

/* Waits for the tasks that other threads have claimed. */
static void pool_job_wait(xi_pool *p, int32_t count)
{
    uint64_t start;
    if (atomic_load_explicit(&p->done, memory_order_acquire) == count) return;
    if (p->spin_ns) {
        start = xi_clock_ns();
        do {
            for (int i = 0; i < POOL_PAUSES; i++) {
                if (atomic_load_explicit(&p->done, memory_order_acquire) == count) return;
                xi_thread_relax();
            }
        } while (xi_clock_ns() - start < p->spin_ns);
    }
    atomic_store(&p->caller_waits, true);
    for (;;) {
        uint32_t turn = atomic_load(&p->done_gate.turn);
        if (atomic_load(&p->done) == count) break;
        xi_gate_wait(&p->done_gate, turn);
    }
    atomic_store(&p->caller_waits, false);
}

void xi_pool_parallel(xi_pool *p, int32_t count, xi_task task, void *arg)
{
    if (count <= 0) return;
    if (count > 1 && p->width > 1) {
        if (p->has_executor) {
            pool_executor_run(p, count, task, arg);
            return;
        }
        pool_team_check(p);
        if (!p->started) pool_team_start(p);
        if (p->threads > 0) {
            pool_job_publish(p, count, task, arg);
            pool_job_work(p, 0);
            pool_job_wait(p, count);
            return;
        }
    }
    for (int32_t i = 0; i < count; i++) task(arg, i, 0);
}

#undef POOL_LINE
#undef POOL_MOST_THREADS
#undef POOL_DEFAULT_SPIN_US
#undef POOL_PAUSES
