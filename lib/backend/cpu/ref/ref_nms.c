/* ref_nms.c — NonMaxSuppression: per batch and class, boxes in falling score, each kept unless it
 * overlaps a kept one. */
#include "backend/cpu/ref/order.h"
#include "base/allocator.h"
#include "base/checked.h"

extern const xi_kernel xk_ref_nms[];

typedef struct ref_nms_box {
    float x0, y0, x1, y1;
} ref_nms_box;

static ref_nms_box ref_nms_read(const float *v, bool center)
{
    ref_nms_box b;
    if (center)
        return (ref_nms_box){v[0] - v[2] / 2, v[1] - v[3] / 2, v[0] + v[2] / 2, v[1] + v[3] / 2};
    b.y0 = v[0] < v[2] ? v[0] : v[2];
    b.y1 = v[0] < v[2] ? v[2] : v[0];
    b.x0 = v[1] < v[3] ? v[1] : v[3];
    b.x1 = v[1] < v[3] ? v[3] : v[1];
    return b;
}

static bool ref_nms_overlap(const ref_nms_box *a, const ref_nms_box *b, float threshold)
{
    float x0 = a->x0 > b->x0 ? a->x0 : b->x0, x1 = a->x1 < b->x1 ? a->x1 : b->x1;
    float y0 = a->y0 > b->y0 ? a->y0 : b->y0, y1 = a->y1 < b->y1 ? a->y1 : b->y1;
    if (!(x1 > x0) || !(y1 > y0)) return false;
    float area_a = (a->x1 - a->x0) * (a->y1 - a->y0), area_b = (b->x1 - b->x0) * (b->y1 - b->y0),
          both = (x1 - x0) * (y1 - y0);
    float any = area_a + area_b - both;
    return area_a > 0 && area_b > 0 && any > 0 && both / any > threshold;
}

typedef struct ref_nms_state {
    const xi_call *call;
    int64_t boxes, most;
    float overlap, least;
    bool center, has_least;
    xk_order_item *order;
    ref_nms_box *kept;
    int64_t *rows;
    size_t count, capacity; /* of rows, three numbers each */
} ref_nms_state;

static float ref_nms_number(const xi_call *call, int32_t i, float fallback)
{
    return i < call->in_count && call->in[i] && call->in[i]->count
               ? ((const float *)call->in[i]->data)[0]
               : fallback;
}

static xinf_status ref_nms_class(ref_nms_state *s, int64_t batch, int64_t class, int64_t classes,
                                 xinf_error *err)
{
    const float *boxes = (const float *)s->call->in[0]->data + batch * s->boxes * 4;
    int64_t first = (batch * classes + class) * s->boxes, found = 0, kept = 0;
    const float *scores = (const float *)s->call->in[1]->data + first;
    for (int64_t i = 0; i < s->boxes; i++) {
        if (scores[i] != scores[i] || (s->has_least && !(scores[i] > s->least))) continue;
        s->order[found++] = (xk_order_item){~xk_order_key(s->call->in[1], first + i), i};
    }
    xk_order_sort(s->order, found);
    for (int64_t i = 0; i < found && kept < s->most; i++) {
        int64_t k = 0;
        ref_nms_box box = ref_nms_read(boxes + 4 * s->order[i].at, s->center);
        while (k < kept && !ref_nms_overlap(&box, &s->kept[k], s->overlap)) k++;
        if (k < kept) continue;
        s->kept[kept++] = box;
        if (!xi_grow(s->call->alloc, (void **)&s->rows, &s->capacity, s->count + 1,
                     3 * sizeof *s->rows))
            return xi_fail_memory(err, s->count * 3 * sizeof *s->rows);
        int64_t *row = s->rows + 3 * s->count++;
        row[0] = batch;
        row[1] = class;
        row[2] = s->order[i].at;
    }
    return XINF_OK;
}

static xinf_status ref_nms_run(const xi_call *call, int32_t phase, int32_t chunk, void *scratch,
                               xinf_error *err)
{
    const xi_shape *scores = &call->in[1]->shape;
    ref_nms_state s = {.call = call,
                       .boxes = scores->dim[2],
                       .overlap = ref_nms_number(call, 3, 0),
                       .least = ref_nms_number(call, 4, 0),
                       .center = xi_node_int(call->node, "center_point_box", 0) != 0};
    xinf_status status = XINF_OK;
    const xi_operand *most = call->in_count > 2 ? call->in[2] : NULL;
    size_t order_size, kept_size;
    s.has_least = call->in_count > 4 && call->in[4] && call->in[4]->count;
    s.most = most && most->count ? ((const int64_t *)most->data)[0] : 0;
    s.most = s.most < s.boxes ? s.most : s.boxes;
    if (!xi_mul_size((size_t)s.boxes + 1, sizeof *s.order, &order_size) ||
        !xi_mul_size((size_t)s.boxes + 1, sizeof *s.kept, &kept_size))
        return xi_kernel_fail(call->node, err, XINF_LIMIT, "there are too many boxes");
    s.order = xi_alloc(call->alloc, order_size);
    s.kept = xi_alloc(call->alloc, kept_size);
    if (!s.order || !s.kept) status = xi_fail_memory(err, order_size);
    for (int64_t i = 0; s.most > 0 && status == XINF_OK && i < scores->dim[0] * scores->dim[1]; i++)
        status = ref_nms_class(&s, i / scores->dim[1], i % scores->dim[1], scores->dim[1], err);
    xi_shape shape = {.rank = 2, .dim = {(int64_t)s.count, 3}};
    if (status == XINF_OK) status = call->resize(call, 0, XINF_INT64, &shape, err);
    if (status == XINF_OK && s.count)
        memcpy(call->out[0]->data, s.rows, s.count * 3 * sizeof *s.rows);
    xi_free(call->alloc, s.order, order_size);
    xi_free(call->alloc, s.kept, kept_size);
    xi_free(call->alloc, s.rows, s.capacity * 3 * sizeof *s.rows);
    return status;
}

const xi_kernel xk_ref_nms[] = {
    {.op = "NonMaxSuppression",
     .domain = "",
     .name = "xk_nms_f32_ref__portable",
     .run = ref_nms_run},
    {0},
};
