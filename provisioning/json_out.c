#include "json_out.h"

#include <stdio.h>

enum outcome json_print(json_t *value)
{
    int failed = value == NULL || json_dumpf(value, stdout, JSON_INDENT(2)) != 0;
    json_decref(value);
    if (failed)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    putchar('\n');
    return OUTCOME_DONE;
}
