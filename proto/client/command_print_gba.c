#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "print.h"

bool print_gba_run(const struct command *command, enum nisim_result result,
                   const struct nisim_gba_run *run)
{
    ERASED(secret_hex) struct secret_hex hex = {{0}};
    if (result != NISIM_OK)
        return print_auts(command, result, run->auts);
    hex_encode(run->res, sizeof run->res, hex.text);
    return print_outcome(command, result, "res", hex.text);
}

bool print_gba_naf(const struct command *command, const struct nisim_gba_naf *naf)
{
    ERASED(secret_hex) struct secret_hex hex = {{0}};
    char lifetime[24];
    bool told = naf->b_tid[0] != '\0';
    hex_encode(naf->ks_ext_naf, sizeof naf->ks_ext_naf, hex.text);
    snprintf(lifetime, sizeof lifetime, "%" PRIu64, naf->lifetime);
    if (command->json && !told)
        return print_json(json_pack("{s:s}", "ks_ext_naf", hex.text));
    if (command->json)
        return print_json(json_pack("{s:s, s:s, s:I}", "ks_ext_naf", hex.text, "b_tid", naf->b_tid,
                                    "lifetime", (json_int_t)naf->lifetime));
    return print_line("ks-ext-naf", hex.text) &&
           (!told || (print_line("b-tid", naf->b_tid) && print_line("lifetime", lifetime)));
}
