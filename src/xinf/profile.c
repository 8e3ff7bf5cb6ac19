/* profile.c — see profile.h. */
#include "profile.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

static char *profile_texts(const char *a, const char *b, const char *c)
{
    size_t na = strlen(a) + 1, nb = strlen(b) + 1, nc = strlen(c) + 1;
    char *text = malloc(na + nb + nc);
    if (!text) return NULL;
    memcpy(text, a, na);
    memcpy(text + na, b, nb);
    memcpy(text + na + nb, c, nc);
    return text;
}

void profile_add(void *self, const xinf_step_profile *step)
{
    profile *p = self;
    if (p->full) return;
    if (p->count == p->room) {
        size_t room = p->room ? p->room * 2 : 256;
        profile_step *steps = room < SIZE_MAX / sizeof *steps
                                  ? realloc(p->steps, room * sizeof *steps)
                                  : NULL;
        if (!steps) {
            p->full = true;
            return;
        }
        p->steps = steps;
        p->room = room;
    }
    char *text = profile_texts(step->node ? step->node : "", step->op ? step->op : "",
                               step->kernel ? step->kernel : "");
    if (!text) {
        p->full = true;
        return;
    }
    p->steps[p->count++] = (profile_step){text, step->start_ns, step->end_ns, step->bytes,
                                          step->flops};
}

static void profile_event(json *j, const profile_step *s, uint64_t zero)
{
    const char *node = s->text, *op = node + strlen(node) + 1, *kernel = op + strlen(op) + 1;
    json_open(j, NULL, '{');
    json_text(j, "name", *node ? node : op);
    json_text(j, "cat", op);
    json_text(j, "ph", "X");
    json_integer(j, "pid", 1);
    json_integer(j, "tid", 1);
    fprintf(j->to, ", \"ts\": %.3f, \"dur\": %.3f", (double)(s->start_ns - zero) / 1e3,
            (double)(s->end_ns - s->start_ns) / 1e3);
    json_open(j, "args", '{');
    json_text(j, "op", op);
    json_text(j, "kernel", kernel);
    json_integer(j, "bytes", (int64_t)s->bytes);
    json_integer(j, "flops", (int64_t)s->flops);
    json_close(j, '}');
    json_close(j, '}');
}

int profile_write(const profile *p, const char *path)
{
    json j = {.to = fopen(path, "w")};
    if (!j.to) return -1;
    json_open(&j, NULL, '{');
    json_text(&j, "displayTimeUnit", "ms");
    json_open(&j, "traceEvents", '[');
    for (size_t i = 0; i < p->count; i++) profile_event(&j, &p->steps[i], p->steps[0].start_ns);
    json_close(&j, ']');
    json_close(&j, '}');
    bool bad = ferror(j.to) != 0;
    return fclose(j.to) == 0 && !bad ? 0 : -1;
}

void profile_free(profile *p)
{
    for (size_t i = 0; i < p->count; i++) free(p->steps[i].text);
    free(p->steps);
    *p = (profile){0};
}
