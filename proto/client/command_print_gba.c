#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "hex.h"
#include "print.h"
#include "secret.h"

/* Room for the hex digits of RES or Ks_ext_NAF; wiped like what it shows. */
struct gba_hex {
    char text[HEX_TEXT_BYTES(32)];
};

static void gba_hex_erase(struct gba_hex *hex)
{
    secret_wipe(hex, sizeof *hex);
}

bool print_gba_run(const struct command *command, enum nisim_result result,
                   const struct nisim_gba_run *run)
{
    ERASED(gba_hex) struct gba_hex hex = {{0}};
    const char *name = result == NISIM_OK ? "res" : "auts";
    if (result == NISIM_OK)
        hex_encode(run->res, sizeof run->res, hex.text);
    else
        hex_encode(run->auts, sizeof run->auts, hex.text);
    if (result == NISIM_MAC_FAILURE)
        return command->json ? print_json(json_pack("{s:s}", "result", print_name_of(result)))
                             : print_line("result", print_name_of(result));
    if (command->json)
        return print_json(json_pack("{s:s, s:s}", "result", print_name_of(result), name, hex.text));
    return print_line("result", print_name_of(result)) && print_line(name, hex.text);
}

bool print_gba_naf(const struct command *command, const struct nisim_gba_naf *naf)
{
    ERASED(gba_hex) struct gba_hex hex = {{0}};
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
