/* thread.h — threads, locks and waiting, over the system's own. One of the few files with OS calls.
 */
#ifndef XI_BASE_THREAD_H
#define XI_BASE_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "xinf.h"

/* All of them stay in place while in use: never moved or copied. */
typedef struct xi_mutex {
    uint64_t opaque[8];
} xi_mutex;
typedef struct xi_cond {
    uint64_t opaque[8];
} xi_cond;
typedef struct xi_thread {
    uintptr_t opaque[4];
} xi_thread;
/* A number that threads wait on until it changes. */
typedef struct xi_gate {
    _Atomic uint32_t turn;
    xi_mutex mutex; /* these two only where the system cannot wait on a number */
    xi_cond cond;
} xi_gate;

bool xi_mutex_init(xi_mutex *m);
void xi_mutex_destroy(xi_mutex *m);
void xi_mutex_lock(xi_mutex *m);
void xi_mutex_unlock(xi_mutex *m);

bool xi_cond_init(xi_cond *c);
void xi_cond_destroy(xi_cond *c);
void xi_cond_wait(xi_cond *c, xi_mutex *m);
void xi_cond_broadcast(xi_cond *c);

bool xi_gate_init(xi_gate *g);
void xi_gate_destroy(xi_gate *g);
/* Sleeps while g->turn == seen; may also return early. Take `seen` before looking at what is waited
 * for. */
void xi_gate_wait(xi_gate *g, uint32_t seen);
/* Raises g->turn and wakes up to `count` sleepers (where the system waits on a condition, all of
 * them). */
void xi_gate_open(xi_gate *g, int32_t count);

/* Starts fn(arg) on a new thread with all signals blocked. */
bool xi_thread_start(xi_thread *t, void (*fn)(void *), void *arg);
void xi_thread_join(xi_thread *t);

/* One "pause" for spin loops. */
void xi_thread_relax(void);
void xi_thread_yield(void);
/* Changes in a child after fork: pools compare it to notice that their threads are gone. */
uint64_t xi_process_id(void);

#endif
