/* bundle.h — the variables of a SavedModel: a sorted table of names (variables.index) and files of
 * bytes (variables.data-…). */
#ifndef XI_LOAD_TENSORFLOW_BUNDLE_H
#define XI_LOAD_TENSORFLOW_BUNDLE_H

#include "load/tensorflow/tree.h"

typedef struct xi_tf_bundle xi_tf_bundle;

/* Opens folder/variables. *out is NULL without failure when there is no index. Every block's
 * checksum is verified. */
xinf_status xi_tf_bundle_open(xi_tf_bundle **out, const xinf_allocator *alloc, const char *folder,
                              bool map, xinf_error *err);
/* The same from the bytes of an index, borrowed, which may name no data files: for tests. */
xinf_status xi_tf_bundle_read(xi_tf_bundle **out, const xinf_allocator *alloc, const uint8_t *index,
                              size_t size, xinf_error *err);
void xi_tf_bundle_close(xi_tf_bundle *b);
/* One variable; its bytes are verified against their checksum and stay a view of the file. Refuses
 * an unknown name. */
xinf_status xi_tf_bundle_find(xi_tf_constant *out, xi_tf_bundle *b, xi_str name, xinf_error *err);
uint64_t xi_tf_bundle_mapped(const xi_tf_bundle *b);

#endif
