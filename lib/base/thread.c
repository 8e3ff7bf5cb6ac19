/* thread.c — pthreads, or Win32 threads with slim locks; on Linux gates are futexes. */
#include "base/thread.h"

#include <string.h>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#endif
#if defined(__linux__)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

/* What xi_thread.opaque holds. */
typedef struct thread_start {
#if defined(_WIN32)
    HANDLE handle;
#else
    pthread_t handle;
#endif
    void (*fn)(void *);
    void *arg;
} thread_start;
_Static_assert(sizeof(thread_start) <= sizeof(xi_thread), "xi_thread is too small");

#if defined(_WIN32)

_Static_assert(sizeof(SRWLOCK) <= sizeof(xi_mutex), "xi_mutex is too small");
_Static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(xi_cond), "xi_cond is too small");

bool xi_mutex_init(xi_mutex *m)
{
    InitializeSRWLock((SRWLOCK *)(void *)m->opaque);
    return true;
}

void xi_mutex_destroy(xi_mutex *m)
{
    (void)m; /* slim locks own nothing */
}

void xi_mutex_lock(xi_mutex *m)
{
    AcquireSRWLockExclusive((SRWLOCK *)(void *)m->opaque);
}

void xi_mutex_unlock(xi_mutex *m)
{
    ReleaseSRWLockExclusive((SRWLOCK *)(void *)m->opaque);
}

bool xi_cond_init(xi_cond *c)
{
    InitializeConditionVariable((CONDITION_VARIABLE *)(void *)c->opaque);
    return true;
}

void xi_cond_destroy(xi_cond *c)
{
    (void)c;
}

void xi_cond_wait(xi_cond *c, xi_mutex *m)
{
    SleepConditionVariableSRW((CONDITION_VARIABLE *)(void *)c->opaque, (SRWLOCK *)(void *)m->opaque,
                              INFINITE, 0);
}

void xi_cond_broadcast(xi_cond *c)
{
    WakeAllConditionVariable((CONDITION_VARIABLE *)(void *)c->opaque);
}

static DWORD WINAPI thread_main(LPVOID arg)
{
    thread_start *s = arg;
    s->fn(s->arg);
    return 0;
}

bool xi_thread_start(xi_thread *t, void (*fn)(void *), void *arg)
{
    thread_start *s = (thread_start *)(void *)t->opaque;
    s->fn = fn;
    s->arg = arg;
    /* Suspended first: the new thread reads *s, whose handle is written here. */
    s->handle = CreateThread(NULL, 0, thread_main, s, CREATE_SUSPENDED, NULL);
    if (!s->handle) return false;
    ResumeThread(s->handle);
    return true;
}

void xi_thread_join(xi_thread *t)
{
    thread_start *s = (thread_start *)(void *)t->opaque;
    WaitForSingleObject(s->handle, INFINITE);
    CloseHandle(s->handle);
}

void xi_thread_yield(void)
{
    SwitchToThread();
}

uint64_t xi_process_id(void)
{
    return GetCurrentProcessId();
}

#else /* POSIX */

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(xi_mutex), "xi_mutex is too small");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(xi_cond), "xi_cond is too small");

bool xi_mutex_init(xi_mutex *m)
{
    return pthread_mutex_init((pthread_mutex_t *)(void *)m->opaque, NULL) == 0;
}

void xi_mutex_destroy(xi_mutex *m)
{
    pthread_mutex_destroy((pthread_mutex_t *)(void *)m->opaque);
}

void xi_mutex_lock(xi_mutex *m)
{
    pthread_mutex_lock((pthread_mutex_t *)(void *)m->opaque);
}

void xi_mutex_unlock(xi_mutex *m)
{
    pthread_mutex_unlock((pthread_mutex_t *)(void *)m->opaque);
}

bool xi_cond_init(xi_cond *c)
{
    return pthread_cond_init((pthread_cond_t *)(void *)c->opaque, NULL) == 0;
}

void xi_cond_destroy(xi_cond *c)
{
    pthread_cond_destroy((pthread_cond_t *)(void *)c->opaque);
}

void xi_cond_wait(xi_cond *c, xi_mutex *m)
{
    pthread_cond_wait((pthread_cond_t *)(void *)c->opaque, (pthread_mutex_t *)(void *)m->opaque);
}

void xi_cond_broadcast(xi_cond *c)
{
    pthread_cond_broadcast((pthread_cond_t *)(void *)c->opaque);
}

static void *thread_main(void *arg)
{
    thread_start *s = arg;
    s->fn(s->arg);
    return NULL;
}

bool xi_thread_start(xi_thread *t, void (*fn)(void *), void *arg)
{
    thread_start *s = (thread_start *)(void *)t->opaque;
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_t handle;
    int failed;
    s->fn = fn;
    s->arg = arg;
    if (pthread_attr_init(&attr) != 0) return false;
    /* Some C libraries give 128 KiB; kernels keep small tiles on the stack. */
    pthread_attr_setstacksize(&attr, (size_t)1 << 20);
    /* The new thread inherits the mask: the program's signal handlers never run on our threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&handle, &attr, thread_main, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (failed) return false;
    s->handle = handle;
    return true;
}

void xi_thread_join(xi_thread *t)
{
    thread_start *s = (thread_start *)(void *)t->opaque;
    pthread_join(s->handle, NULL);
}

void xi_thread_yield(void)
{
    sched_yield();
}

uint64_t xi_process_id(void)
{
    return (uint64_t)getpid();
}

#endif

void xi_thread_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* "yield" is a no-op on most cores */
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

#if defined(__linux__)

_Static_assert(sizeof(_Atomic uint32_t) == 4, "a futex is a plain 32-bit word");

bool xi_gate_init(xi_gate *g)
{
    memset(g, 0, sizeof *g);
    return true;
}

void xi_gate_destroy(xi_gate *g)
{
    (void)g;
}

void xi_gate_wait(xi_gate *g, uint32_t seen)
{
    /* Woken, changed already, or interrupted: the caller looks again in each case. */
#if defined(SYS_futex)
    syscall(SYS_futex, &g->turn, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
#else
    syscall(SYS_futex_time64, &g->turn, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
#endif
}

void xi_gate_open(xi_gate *g, int32_t count)
{
    atomic_fetch_add(&g->turn, 1);
#if defined(SYS_futex)
    syscall(SYS_futex, &g->turn, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
#else
    syscall(SYS_futex_time64, &g->turn, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
#endif
}

#else

bool xi_gate_init(xi_gate *g)
{
    memset(g, 0, sizeof *g);
    if (!xi_mutex_init(&g->mutex)) return false;
    if (xi_cond_init(&g->cond)) return true;
    xi_mutex_destroy(&g->mutex);
    return false;
}

void xi_gate_destroy(xi_gate *g)
{
    xi_cond_destroy(&g->cond);
    xi_mutex_destroy(&g->mutex);
}

void xi_gate_wait(xi_gate *g, uint32_t seen)
{
    xi_mutex_lock(&g->mutex);
    while (atomic_load(&g->turn) == seen) xi_cond_wait(&g->cond, &g->mutex);
    xi_mutex_unlock(&g->mutex);
}

void xi_gate_open(xi_gate *g, int32_t count)
{
    (void)count;
    xi_mutex_lock(&g->mutex);
    atomic_fetch_add(&g->turn, 1);
    xi_mutex_unlock(&g->mutex);
    xi_cond_broadcast(&g->cond);
}

#endif
