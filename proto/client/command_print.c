#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "command_file.h"
#include "hex.h"
#include "print.h"
#include "secret.h"

/* JSON is made of copies of what it shows. */
static void free_wiped(void *memory)
{
    if (memory != NULL)
        secret_wipe(memory, malloc_usable_size(memory));
    free(memory);
}

void print_begin(void)
{
    json_set_alloc_funcs(malloc, free_wiped);
}

bool print_json(json_t *object)
{
    bool done = object != NULL && json_dumpf(object, stdout, JSON_INDENT(2)) == 0 &&
                putchar('\n') != EOF && fflush(stdout) == 0;
    json_decref(object);
    return done;
}

bool print_line(const char *name, const char *value)
{
    return printf("%s: %s\n", name, value) >= 0 && fflush(stdout) == 0;
}

bool print_ping(const struct command *command, const struct nisim *nisim)
{
    if (command->json)
        return print_json(json_pack("{s:s, s:s, s:s}", "server", command->options.server,
                                    "software", nisim_server_software(nisim), "client",
                                    nisim_client_name(nisim)));
    return print_line("server", command->options.server) &&
           print_line("software", nisim_server_software(nisim)) &&
           print_line("client", nisim_client_name(nisim));
}

static json_t *json_list(const char (*texts)[NISIM_NAME_BYTES], size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static bool print_list(const char *name, const char (*texts)[NISIM_NAME_BYTES], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!print_line(name, texts[i]))
            return false;
    }
    return true;
}

static json_t *json_kinds(const struct nisim_identity *identity)
{
    static const char *const names[] = {[NISIM_P_CSCF_UNKNOWN] = "unknown",
                                        [NISIM_P_CSCF_FQDN] = "fqdn",
                                        [NISIM_P_CSCF_IPV4] = "ipv4",
                                        [NISIM_P_CSCF_IPV6] = "ipv6"};
    json_t *list = json_array();
    for (size_t i = 0; i < identity->p_cscf_count; i++)
        json_array_append_new(list, json_string(names[identity->p_cscf_kinds[i]]));
    return list;
}

bool print_identity(const struct command *command, const struct nisim_identity *identity)
{
    char services[HEX_TEXT_BYTES(NISIM_SERVICE_TABLE_BYTES)];
    const char(*impus)[NISIM_NAME_BYTES] = identity->impus;
    const char(*p_cscfs)[NISIM_NAME_BYTES] = identity->p_cscfs;
    hex_encode(identity->service_table, identity->service_table_bytes, services);
    if (command->json)
        return print_json(json_pack("{s:s, s:o, s:s, s:o, s:s, s:o, s:s*}", "impi", identity->impi,
                                    "impus", json_list(impus, identity->impu_count), "domain",
                                    identity->domain, "p_cscfs",
                                    json_list(p_cscfs, identity->p_cscf_count), "service_table",
                                    services, "p_cscf_kinds", json_kinds(identity), "webrtc_uri",
                                    identity->webrtc_uri[0] != '\0' ? identity->webrtc_uri : NULL));
    return print_line("impi", identity->impi) && print_list("impu", impus, identity->impu_count) &&
           print_line("domain", identity->domain) &&
           print_list("p-cscf", p_cscfs, identity->p_cscf_count) &&
           print_line("service-table", services) &&
           (identity->webrtc_uri[0] == '\0' || print_line("webrtc-uri", identity->webrtc_uri));
}

static bool print_accepted(const struct command *command, const struct nisim_answer *answer)
{
    ERASED(secret_hex) struct secret_hex res = {{0}};
    ERASED(secret_hex) struct secret_hex ck = {{0}};
    ERASED(secret_hex) struct secret_hex ik = {{0}};
    hex_encode(answer->res, sizeof answer->res, res.text);
    hex_encode(answer->ck, sizeof answer->ck, ck.text);
    hex_encode(answer->ik, sizeof answer->ik, ik.text);
    if (command->json)
        return print_json(json_pack("{s:s, s:s, s:s, s:s}", "result", "ok", "res", res.text, "ck",
                                    ck.text, "ik", ik.text));
    return print_line("result", "ok") && print_line("res", res.text) && print_line("ck", ck.text) &&
           print_line("ik", ik.text);
}

const char *print_name_of(enum nisim_result result)
{
    switch (result) {
    case NISIM_OK:
        return "ok";
    case NISIM_SYNC_FAILURE:
        return "sync-failure";
    default:
        return "mac-failure";
    }
}

bool print_authorization(const struct command *command, enum nisim_result result,
                         const char *authorization, const struct nisim_exchange *exchange)
{
    if (command->json)
        return print_json(json_pack("{s:s, s:s, s:s, s:b}", "result", print_name_of(result),
                                    "authorization", authorization, "rspauth", exchange->rspauth,
                                    "stale", exchange->is_stale));
    return print_line("result", print_name_of(result)) &&
           print_line("authorization", authorization) &&
           (exchange->rspauth[0] == '\0' || print_line("rspauth", exchange->rspauth)) &&
           (exchange->is_stale == 0 || print_line("stale", "yes"));
}

bool print_authentication_info(const struct command *command, enum nisim_result result,
                               const struct nisim_authentication_info *info)
{
    if (command->json)
        return print_json(json_pack("{s:s, s:b, s:s}", "result", print_name_of(result), "proven",
                                    info->is_proven, "next_nonce", info->next_nonce));
    return print_line("result", print_name_of(result)) &&
           print_line("proven", info->is_proven ? "yes" : "no") &&
           (info->next_nonce[0] == '\0' || print_line("next-nonce", info->next_nonce));
}

bool print_outcome(const struct command *command, enum nisim_result result, const char *name,
                   const char *value)
{
    const char *outcome = print_name_of(result);
    if (result == NISIM_MAC_FAILURE)
        return command->json ? print_json(json_pack("{s:s}", "result", outcome))
                             : print_line("result", outcome);
    if (command->json)
        return print_json(json_pack("{s:s, s:s}", "result", outcome, name, value));
    return print_line("result", outcome) && print_line(name, value);
}

bool print_auts(const struct command *command, enum nisim_result result, const uint8_t auts[14])
{
    char hex[HEX_TEXT_BYTES(14)];
    hex_encode(auts, 14, hex);
    return print_outcome(command, result, "auts", hex);
}

bool print_ha1(const struct command *command, enum nisim_result result, const struct nisim_ha1 *ha1)
{
    return result == NISIM_OK ? print_outcome(command, result, "ha1", ha1->hash)
                              : print_auts(command, result, ha1->auts);
}

/* At most an answer of the card, which may be secret. */
bool print_octets(const struct command *command, const char *name, const uint8_t *octets,
                  size_t length)
{
    char hex[HEX_TEXT_BYTES(NISIM_RESPONSE_BYTES)];
    hex_encode(octets, length, hex);
    bool done = command->json ? print_json(json_pack("{s:s}", name, hex)) : print_line(name, hex);
    secret_wipe(hex, sizeof hex);
    return done;
}

bool print_answer(const struct command *command, enum nisim_result result,
                  const struct nisim_answer *answer)
{
    if (result == NISIM_OK)
        return print_accepted(command, answer);
    return print_auts(command, result, answer->auts);
}

static json_t *json_record(const char *hex, const char *value)
{
    return json_pack("{s:s, s:s*}", "data", hex, "value", value);
}

bool print_file(const struct command *command, const struct nisim_file *file)
{
    static char hex[HEX_TEXT_BYTES(NISIM_FILE_BYTES)]; /* too large for the stack */
    char value[FILE_VALUE_BYTES];
    json_t *list = command->json ? json_array() : NULL;
    bool done = true;
    for (size_t i = 0; i < file->data_count && done; i++) {
        const uint8_t *data = file->data + i * file->data_bytes;
        bool is_said = file_value(command->file, data, file->data_bytes, value);
        hex_encode(data, file->data_bytes, hex);
        if (list != NULL)
            json_array_append_new(list, json_record(hex, is_said ? value : NULL));
        else
            done = print_line("data", hex) && (!is_said || print_line("value", value));
    }
    if (list == NULL)
        return done;
    return print_json(
        json_pack("{s:i, s:o}", "record_count", (int)file->record_count, "read", list));
}
