/* devices.c — what models can run on here. */
#include "command.h"
#include "json.h"
#include "workspace.h"

int command_devices(const options *o)
{
    workspace w;
    json j = {.to = stdout};
    int code = workspace_open(&w, o);
    if (o->json && code == EXIT_DONE) {
        json_open(&j, NULL, '{');
        json_open(&j, "devices", '[');
    }
    for (int32_t i = 0; code == EXIT_DONE && i < xinf_env_device_count(w.env); i++) {
        xinf_device_info d = XINF_DEVICE_INFO_INIT;
        if (xinf_env_device(w.env, i, &d, &w.err) != XINF_OK) {
            code = workspace_failed(&w);
            break;
        }
        if (!o->json) {
            printf("%s  %s, %d units, %.1f GiB\n", d.name, d.model ? d.model : "", (int)d.units,
                   (double)d.memory_bytes / 1073741824);
            if (d.features && d.features[0]) printf("  %s\n", d.features);
            continue;
        }
        json_open(&j, NULL, '{');
        json_text(&j, "name", d.name);
        json_text(&j, "model", d.model);
        json_integer(&j, "units", d.units);
        json_text(&j, "features", d.features);
        json_integer(&j, "memory_bytes", (int64_t)d.memory_bytes);
        json_close(&j, '}');
    }
    if (o->json && code == EXIT_DONE) {
        json_close(&j, ']');
        json_close(&j, '}');
    }
    workspace_close(&w);
    return code;
}
