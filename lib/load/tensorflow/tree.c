#include "load/tensorflow/tree.h"

#include "base/allocator.h"
#include "load/protobuf.h"
#include "load/tensorflow/bundle.h"
#include "load/tensorflow/tensorflow.pb-c.h"

static xinf_status tf_tree_read(ProtobufCMessage **out, xi_tf_tree *t,
                                const ProtobufCMessageDescriptor *d, uint64_t max_bytes,
                                const char *what, xinf_error *err)
{
    xi_protobuf_budget budget = XI_PROTOBUF_BUDGET;
    budget.fixed = max_bytes;
    return xi_protobuf_read(out, &t->payload_size, d, t->file->data, t->file->size, &t->arena,
                            &budget, what, err);
}

static bool tf_tree_has_tag(const Tf__MetaGraph *m, const char *tag)
{
    for (size_t i = 0; m->meta_info && i < m->meta_info->n_tags; i++)
        if (xi_str_is(xi_str_of_bytes(m->meta_info->tags[i]), tag)) return true;
    return false;
}

static xinf_status tf_tree_saved(xi_tf_tree *t, uint64_t max_bytes, xinf_error *err)
{
    ProtobufCMessage *root;
    xinf_status status = tf_tree_read(&root, t, &tf__saved_model__descriptor, max_bytes,
                                      "SavedModel", err);
    if (status) return status;
    const Tf__SavedModel *m = (const Tf__SavedModel *)root;
    for (size_t i = 0; i < m->n_meta_graphs && !t->meta; i++)
        if (tf_tree_has_tag(m->meta_graphs[i], "serve")) t->meta = m->meta_graphs[i];
    if (!t->meta && m->n_meta_graphs) t->meta = m->meta_graphs[0];
    if (!t->meta || !t->meta->graph_def)
        return xi_fail(err, XINF_MALFORMED, "SavedModel: it holds no graph");
    t->graph = t->meta->graph_def;
    return XINF_OK;
}

static xinf_status tf_tree_graph(xi_tf_tree *t, uint64_t max_bytes, xinf_error *err)
{
    ProtobufCMessage *root;
    xinf_status status = tf_tree_read(&root, t, &tf__graph__descriptor, max_bytes,
                                      "TensorFlow graph", err);
    if (status) return status;
    t->graph = (const Tf__Graph *)root;
    if (!t->graph->n_node)
        return xi_fail(err, XINF_MALFORMED, "TensorFlow graph: it holds no nodes");
    return XINF_OK;
}

xinf_status xi_tf_tree_open(xi_tf_tree **out, const xinf_allocator *alloc, const xi_file *file,
                            bool saved, const char *folder, bool map, uint64_t max_bytes,
                            xinf_error *err)
{
    xinf_status status = XINF_OK;
    *out = NULL;
    xi_tf_tree *t = xi_calloc(alloc, 1, sizeof *t);
    if (!t) return xi_fail_memory(err, sizeof *t);
    t->alloc = *alloc;
    t->file = file;
    t->contents_limit = (64u << 20) + (file->size > SIZE_MAX / 32 ? SIZE_MAX / 2 : 16 * file->size);
    xi_arena_init(&t->arena, alloc, 0);
    xi_arena_init(&t->contents, alloc, t->contents_limit);
    XI_TRY(saved ? tf_tree_saved(t, max_bytes, err) : tf_tree_graph(t, max_bytes, err));
    if (saved && folder) XI_TRY(xi_tf_bundle_open(&t->bundle, alloc, folder, map, err));
    *out = t;
    t = NULL;
cleanup:
    xi_tf_tree_close(t);
    return status;
}

void xi_tf_tree_close(xi_tf_tree *t)
{
    if (!t) return;
    xi_tf_bundle_close(t->bundle);
    xi_arena_reset(&t->arena);
    xi_arena_reset(&t->contents);
    xinf_allocator alloc = t->alloc;
    xi_free(&alloc, t, sizeof *t);
}

size_t xi_tf_tree_limit(const xi_tf_tree *t)
{
    xi_protobuf_budget budget = XI_PROTOBUF_BUDGET;
    size_t described = t->file->size - t->payload_size;
    return (size_t)budget.base +
           (described > SIZE_MAX / 32 ? SIZE_MAX / 2 : (size_t)budget.factor * described);
}
