#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "load.h"

static enum command_exit run(const struct load_plan *plan, struct home *home,
                             struct load_result *result)
{
    if (!load_run(plan, home, result))
        return COMMAND_NO_CONNECTION;
    if (!load_report(plan, result)) {
        fprintf(stderr, "nisim: standard output can't be written\n");
        return COMMAND_FAILED;
    }
    return result->unexpected == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

enum command_exit bench_run(const struct command *command)
{
    const struct bench_settings *bench = &command->bench;
    const struct load_plan plan = {
        .options = command->options,
        .json = command->json,
        .connections = bench->connections,
        .in_flight = bench->in_flight,
        .rate = bench->rate,
        .warm_up = bench->warm_up,
        .duration = bench->duration,
        .percent = {[REQUEST_FRESH] = 100 - bench->replay - bench->bad_mac,
                    [REQUEST_REPLAY] = bench->replay,
                    [REQUEST_SPOILT] = bench->bad_mac},
    };
    struct home home;
    struct load_result *result = calloc(1, sizeof *result);
    if (result == NULL) {
        fprintf(stderr, "nisim: there is no memory\n");
        return COMMAND_FAILED;
    }
    enum command_exit exit =
        home_open(&home, command->subscribers) ? run(&plan, &home, result) : COMMAND_USAGE;
    home_close(&home);
    free(result);
    return exit;
}
