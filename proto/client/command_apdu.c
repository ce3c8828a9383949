#include <stdio.h>
#include <string.h>

#include "command.h"
#include "hex.h"
#include "secret.h"

#define LINE_BYTES (2 * NISIM_COMMAND_BYTES + 3) /* CR LF and a NUL */

/* What is no command of the right length the library refuses, and says so. */
static enum nisim_result send_hex(const struct command *command, struct nisim *nisim,
                                  const char *hex, size_t digits, bool *out_printed)
{
    uint8_t octets[NISIM_COMMAND_BYTES];
    uint8_t response[NISIM_RESPONSE_BYTES];
    size_t response_bytes = 0;
    size_t length = digits / 2;
    if (digits % 2 != 0 || length > sizeof octets || !hex_decode(hex, digits, octets, length))
        length = 0;
    enum nisim_result result =
        nisim_apdu(nisim, command->by, command->user, octets, length, response, &response_bytes);
    secret_wipe(octets, sizeof octets);
    if (result == NISIM_OK)
        *out_printed = print_octets(command, "response", response, response_bytes);
    nisim_response_erase(response);
    return result;
}

/* A line is an APDU; an empty one is skipped. stdio's buffer is ours, so that it can be wiped. */
static enum nisim_result send_lines(const struct command *command, struct nisim *nisim,
                                    bool *out_printed)
{
    static char buffer[BUFSIZ];
    char line[LINE_BYTES];
    enum nisim_result result = NISIM_OK;
    setvbuf(stdin, buffer, _IOFBF, sizeof buffer);
    while (result == NISIM_OK && *out_printed && fgets(line, sizeof line, stdin) != NULL) {
        size_t digits = strcspn(line, "\r\n");
        if (digits > 0)
            result = send_hex(command, nisim, line, digits, out_printed);
    }
    secret_wipe(line, sizeof line);
    secret_wipe(buffer, sizeof buffer);
    return result;
}

enum nisim_result command_apdu(const struct command *command, struct nisim *nisim,
                               bool *out_printed)
{
    uint8_t atr[NISIM_ATR_BYTES];
    size_t atr_bytes = 0;
    enum nisim_result result = nisim_card_reset(nisim, command->by, command->user, atr, &atr_bytes);
    if (result != NISIM_OK)
        return result;
    *out_printed = print_octets(command, "atr", atr, atr_bytes);
    if (command->apdus[0] == NULL)
        return send_lines(command, nisim, out_printed);
    for (size_t i = 0; result == NISIM_OK && *out_printed && command->apdus[i] != NULL; i++)
        result =
            send_hex(command, nisim, command->apdus[i], strlen(command->apdus[i]), out_printed);
    return result;
}
