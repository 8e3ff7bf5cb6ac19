/* base_pool.c — locks, gates, threads and the pool: every task once, under every width, in a forked
 * child, with an executor. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/allocator.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/pool.h"
#include "base/thread.h"
#include "base_test.h"

/* ---- locks and threads
 * -----------------------------------------------------------------------------------------------
 */

typedef struct relay {
    xi_mutex mutex;
    xi_cond cond;
    xi_gate gate;
    int turn, sum; /* under the mutex */
    _Atomic bool blocked;
} relay;

static void relay_main(void *arg)
{
    relay *r = arg;
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    atomic_store(&r->blocked, sigismember(&now, SIGINT) == 1 && sigismember(&now, SIGTERM) == 1);
    for (int i = 0; i < 1000; i++) {
        xi_mutex_lock(&r->mutex);
        r->sum++;
        xi_mutex_unlock(&r->mutex);
    }
    xi_mutex_lock(&r->mutex);
    while (r->turn == 0) xi_cond_wait(&r->cond, &r->mutex);
    r->turn++;
    xi_mutex_unlock(&r->mutex);
    xi_gate_open(&r->gate, 1);
}

static void test_thread(void)
{
    relay r;
    xi_thread threads[4];
    int turn = 0;
    memset(&r, 0, sizeof r);
    CHECK(xi_mutex_init(&r.mutex) && xi_cond_init(&r.cond) && xi_gate_init(&r.gate));
    for (int i = 0; i < 4; i++) CHECK(xi_thread_start(&threads[i], relay_main, &r));
    xi_mutex_lock(&r.mutex);
    r.turn = 1;
    xi_mutex_unlock(&r.mutex);
    xi_cond_broadcast(&r.cond);
    while (turn != 5) {
        uint32_t seen = atomic_load(&r.gate.turn);
        xi_mutex_lock(&r.mutex);
        turn = r.turn;
        xi_mutex_unlock(&r.mutex);
        if (turn != 5) xi_gate_wait(&r.gate, seen);
    }
    for (int i = 0; i < 4; i++) xi_thread_join(&threads[i]);
    CHECK(r.sum == 4000 && r.blocked);
    CHECK(atomic_load(&r.gate.turn) == 4);
    xi_gate_wait(&r.gate, 3); /* does not wait: the turn is another */
    xi_gate_destroy(&r.gate);
    xi_cond_destroy(&r.cond);
    xi_mutex_destroy(&r.mutex);
    xi_thread_relax();
    xi_thread_yield();
}

/* ---- pool
 * ------------------------------------------------------------------------------------------------------------
 */

#define TASKS 1000

typedef struct tally {
    _Atomic int32_t runs[TASKS];
    _Atomic int32_t workers[64];
    int64_t cells[TASKS]; /* written without atomics: the pool must order them before the return */
    int32_t width, work;
    _Atomic bool bad_worker;
    pthread_t caller;
    _Atomic bool other_thread;
} tally;

static void tally_task(void *arg, int32_t task, int32_t worker)
{
    tally *t = arg;
    volatile int32_t idle = t->work;
    while (idle > 0) idle--;
    if (worker < 0 || worker >= t->width) atomic_store(&t->bad_worker, true);
    if (!pthread_equal(pthread_self(), t->caller)) atomic_store(&t->other_thread, true);
    atomic_fetch_add(&t->workers[worker & 63], 1);
    atomic_fetch_add(&t->runs[task], 1);
    t->cells[task] += task;
}

/* `jobs` jobs of `count` tasks; true when every task ran once per job. */
static bool tally_run(xi_pool *p, tally *t, int32_t count, int jobs, int32_t work)
{
    memset(t, 0, sizeof *t);
    t->width = xi_pool_width(p);
    t->work = work;
    t->caller = pthread_self();
    for (int j = 0; j < jobs; j++) {
        xi_pool_parallel(p, count, tally_task, t);
        for (int32_t i = 0; i < count; i++)
            if (t->cells[i] != (int64_t)i * (j + 1)) return false;
    }
    for (int32_t i = 0; i < TASKS; i++)
        if (t->runs[i] != (i < count ? jobs : 0)) return false;
    return !t->bad_worker;
}

static void test_pool_widths(void)
{
    static tally t;
    static const int32_t counts[] = {0, 1, 2, 3, 7, 64, TASKS};
    for (int32_t threads = 1; threads <= 8; threads++) {
        for (int spin = -1; spin <= 200; spin += 67) {
            xi_pool *p;
            bool good = true;
            CHECK(xi_pool_create(&p, NULL, threads, spin, NULL, NULL) == XINF_OK &&
                  xi_pool_width(p) == threads);
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
                good = good && tally_run(p, &t, counts[i], 3, 0);
            CHECK(good);
            for (int round = 0; round < 5; round++) {
                xi_pool_begin(p);
                good = good && tally_run(p, &t, 2 + round, 200, round * 20);
                if (round == 3) usleep(1000); /* longer than the spin: the workers sleep inside */
                good = good && tally_run(p, &t, 50, 20, 100);
                xi_pool_end(p);
                good = good && tally_run(p, &t, 5, 5, 0);
            }
            CHECK(good);
            xi_pool_destroy(p);
        }
    }
    xi_pool_destroy(NULL);
}

static void slow_task(void *arg, int32_t task, int32_t worker)
{
    _Atomic int32_t *seen = arg;
    atomic_fetch_or(seen, 1 << worker);
    usleep(3000);
}

/* Other threads do take part: four tasks that sleep end up on more than one worker. */
static void test_pool_shares(void)
{
    _Atomic int32_t seen = 0;
    xi_pool *p;
    uint64_t start;
    CHECK(xi_pool_create(&p, NULL, 4, 0, NULL, NULL) == XINF_OK);
    xi_pool_parallel(p, 8, slow_task, &seen);
    start = xi_clock_ns();
    xi_pool_parallel(p, 16, slow_task, &seen);
    CHECK(__builtin_popcount((unsigned)seen) >= 2);
    CHECK(xi_clock_ns() - start < UINT64_C(45) * 1000000);
    /* At rest there are no threads, and the next job has them again. */
    for (int round = 0; round < 3; round++) {
        xi_pool_rest(p);
        xi_pool_rest(p);
        atomic_store(&seen, 0);
        xi_pool_parallel(p, 16, slow_task, &seen);
        CHECK(__builtin_popcount((unsigned)seen) >= 2);
    }
    xi_pool_destroy(p);
}

static void test_pool_create(void)
{
    xinf_error err = XINF_ERROR_INIT;
    xi_pool *p = (xi_pool *)&err;
    xi_cpu cpu;
    xi_cpu_query(&cpu);
    CHECK(xi_pool_create(&p, NULL, -1, 0, NULL, &err) == XINF_INVALID_ARGUMENT && !p &&
          err.message[0]);
    CHECK(xi_pool_create(&p, NULL, 1000000, 0, NULL, &err) == XINF_INVALID_ARGUMENT && !p);
    CHECK(xi_pool_create(&p, NULL, 0, 0, NULL, &err) == XINF_OK);
    CHECK(xi_pool_width(p) == (cpu.cpus < 1024 ? cpu.cpus : 1024));
    xi_pool_begin(p);
    xi_pool_end(p);
    xi_pool_destroy(p);
}

static void *refuse(void *self, void *ptr, size_t old_size, size_t new_size, size_t alignment)
{
    return NULL;
}

static void test_pool_memory(void)
{
    xinf_allocator none = {NULL, refuse};
    xinf_error err = XINF_ERROR_INIT;
    xi_pool *p;
    CHECK(xi_pool_create(&p, &none, 4, 0, NULL, &err) == XINF_OUT_OF_MEMORY && !p);
}

/* ---- fork
 * ------------------------------------------------------------------------------------------------------------
 */

static bool forked_child(xi_pool *p)
{
    static tally t;
    pid_t child;
    int code = -1;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        alarm(20); /* a hang is a failure */
        bool good = tally_run(p, &t, 40, 50, 10);
        xi_pool_begin(p);
        good = good && tally_run(p, &t, 40, 50, 10);
        xi_pool_end(p);
        xi_pool_destroy(p);
        _exit(good ? 0 : 1);
    }
    return child > 0 && waitpid(child, &code, 0) == child && WIFEXITED(code) &&
           WEXITSTATUS(code) == 0;
}

static bool forked_child_destroys(xi_pool *p)
{
    pid_t child;
    int code = -1;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        alarm(20);
        xi_pool_destroy(p);
        _exit(0);
    }
    return child > 0 && waitpid(child, &code, 0) == child && WIFEXITED(code) &&
           WEXITSTATUS(code) == 0;
}

static void test_pool_fork(void)
{
    static tally t;
    xi_pool *p;
    CHECK(xi_pool_create(&p, NULL, 3, 0, NULL, NULL) == XINF_OK);
    CHECK(forked_child(p)); /* before any thread */
    CHECK(tally_run(p, &t, 30, 20, 0));
    CHECK(forked_child(p) && forked_child_destroys(p));
    xi_pool_begin(p);
    CHECK(tally_run(p, &t, 30, 20, 0));
    CHECK(forked_child(p)); /* inside a run, workers spinning */
    CHECK(tally_run(p, &t, 30, 20, 0));
    xi_pool_end(p);
    CHECK(forked_child_destroys(p));
    xi_pool_destroy(p);
}

/* ---- executor
 * --------------------------------------------------------------------------------------------------------
 */

typedef struct runner {
    int calls;
    int32_t largest;
    void (*task)(void *arg, int32_t index);
    void *arg;
} runner;

typedef struct runner_share {
    runner *r;
    int32_t index;
} runner_share;

static void *runner_main(void *arg)
{
    runner_share *s = arg;
    s->r->task(s->r->arg, s->index);
    return NULL;
}

/* One thread a task. */
static void runner_parallel(void *self, int32_t count, void (*task)(void *arg, int32_t index),
                            void *arg)
{
    runner *r = self;
    pthread_t threads[8];
    runner_share shares[8];
    r->calls++;
    if (count > r->largest) r->largest = count;
    r->task = task;
    r->arg = arg;
    if (count > 8) return; /* the checks then see tasks that did not run */
    for (int32_t i = 0; i < count; i++) {
        shares[i] = (runner_share){r, i};
        pthread_create(&threads[i], NULL, runner_main, &shares[i]);
    }
    for (int32_t i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static void test_pool_executor(void)
{
    static tally t;
    runner r = {0};
    xinf_executor e = {sizeof e, 3, &r, runner_parallel};
    xinf_error err = XINF_ERROR_INIT;
    xi_pool *p;
    CHECK(xi_pool_create(&p, NULL, 8, 0, &e, &err) == XINF_OK && xi_pool_width(p) == 3);
    memset(&e, 0, sizeof e); /* it was copied */
    xi_pool_begin(p);
    CHECK(tally_run(p, &t, 1, 2, 0) && r.calls == 0);
    CHECK(tally_run(p, &t, 2, 2, 0) && r.calls == 2 && r.largest == 2);
    CHECK(tally_run(p, &t, TASKS, 2, 0) && r.calls == 4 && r.largest == 3);
    xi_pool_end(p);
    xi_pool_destroy(p);

    e = (xinf_executor){sizeof e, 1, &r, runner_parallel};
    CHECK(xi_pool_create(&p, NULL, 0, 0, &e, &err) == XINF_OK && xi_pool_width(p) == 1);
    CHECK(tally_run(p, &t, 20, 2, 0) && !t.other_thread && r.calls == 4);
    xi_pool_destroy(p);

    e.max_concurrency = 0;
    CHECK(xi_pool_create(&p, NULL, 0, 0, &e, &err) == XINF_INVALID_ARGUMENT && !p);
    e.max_concurrency = 2;
    e.parallel = NULL;
    CHECK(xi_pool_create(&p, NULL, 0, 0, &e, &err) == XINF_INVALID_ARGUMENT && !p);
    e.parallel = runner_parallel;
    e.struct_size = 8;
    CHECK(xi_pool_create(&p, NULL, 0, 0, &e, &err) == XINF_INVALID_ARGUMENT && !p &&
          strstr(err.message, "struct_size"));
}

/* ---- two teams at once, and the price of a job
 * ------------------------------------------------------------------------ */

static void *team_main(void *arg)
{
    bool *good = arg;
    xi_pool *p = NULL;
    tally *t = malloc(sizeof *t);
    *good = t && xi_pool_create(&p, NULL, 2, 0, NULL, NULL) == XINF_OK;
    for (int i = 0; *good && i < 10; i++) {
        xi_pool_begin(p);
        *good = tally_run(p, t, 9, 50, 5);
        xi_pool_end(p);
    }
    xi_pool_destroy(p);
    free(t);
    return NULL;
}

static void test_pool_teams(void)
{
    pthread_t threads[3];
    bool good[3] = {false, false, false};
    for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, team_main, &good[i]) == 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    CHECK(good[0] && good[1] && good[2]);
}

/* About two microseconds, so that a second thread can be of use. */
static void short_task(void *arg, int32_t task, int32_t worker)
{
    uint64_t start = xi_clock_ns();
    while (xi_clock_ns() - start < 2000) continue;
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Printed, not judged: the machine may be busy. */
static void report_price(void)
{
    static uint64_t times[2000];
    xi_pool *p;
    if (xi_pool_create(&p, NULL, 2, 0, NULL, NULL) != XINF_OK) return;
    xi_pool_begin(p);
    for (int i = 0; i < 2000; i++) {
        uint64_t start = xi_clock_ns();
        xi_pool_parallel(p, 2, short_task, NULL);
        times[i] = xi_clock_ns() - start;
    }
    xi_pool_end(p);
    xi_pool_destroy(p);
    qsort(times, 2000, sizeof *times, compare_times);
    printf("2 tasks of 2000 ns on 2 threads: median %llu ns, 99th percentile %llu ns\n",
           (unsigned long long)times[1000], (unsigned long long)times[1980]);
}

void base_pool_tests(bool with_fork)
{
    test_thread();
    test_pool_create();
    test_pool_memory();
    test_pool_widths();
    test_pool_shares();
    if (with_fork) test_pool_fork();
    test_pool_executor();
    test_pool_teams();
    report_price();
}
