/* command.h — the subcommands, one file each. Each returns an exit code and has said what failed.
 */
#ifndef XINF_CLI_COMMAND_H
#define XINF_CLI_COMMAND_H

#include "options.h"

int command_info(const options *o);
int command_run(const options *o);
int command_bench(const options *o);
int command_convert(const options *o);
int command_quantize(const options *o);
int command_devices(const options *o);

#endif
