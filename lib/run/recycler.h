/* recycler.h — an allocator that keeps freed blocks for the next run, so that a second run takes
 * nothing from the system.
 *
 * Blocks may outlive the session that owns the recycler (a caller can keep an output): the recycler
 * ends itself with its last block. */
#ifndef XI_RUN_RECYCLER_H
#define XI_RUN_RECYCLER_H

#include "base/thread.h"
#include "xinf.h"

typedef struct xi_recycler xi_recycler;

xinf_status xi_recycler_create(xi_recycler **out, const xinf_allocator *base, xinf_error *err);
/* The owner's hold ends: kept blocks are freed, later frees go straight through. */
void xi_recycler_close(xi_recycler *r);
xinf_allocator xi_recycler_allocator(xi_recycler *r);
/* Bytes taken from the base allocator and not given back. limit 0: none; past it allocations fail.
 */
size_t xi_recycler_bytes(xi_recycler *r);
void xi_recycler_set_limit(xi_recycler *r, size_t limit);

#endif
