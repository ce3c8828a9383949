/*
 * nisim-token backup-key make, components, receive, list, remove. They are verbs beside those of
 * transport keys, not a third --purpose: a transport key has one direction and a backup key both,
 * and an officer finds by them what --backup-key names.
 */
#include <stdio.h>
#include <string.h>

#include "hand_over.h"
#include "hex.h"
#include "transport_key.h"
#include "transport_make.h"
#include "verbs.h"

#define HAND_OVER_BYTES_MAX (2 * TRANSPORT_WRAPPED_BYTES_MAX + 512)

/* The file that backup-key receive takes at the other token. */
static enum outcome write_hand_over(struct office *office, const struct arguments *arguments,
                                    const struct transport *transport, CK_OBJECT_HANDLE key,
                                    const struct kcv *kcv)
{
    uint8_t wrapped[TRANSPORT_WRAPPED_BYTES_MAX];
    char hex[HEX_TEXT_BYTES(TRANSPORT_WRAPPED_BYTES_MAX)];
    char kcv_text[KCV_TEXT_BYTES];
    char text[HAND_OVER_BYTES_MAX];
    size_t length = 0;
    enum transport_way way = TRANSPORT_RFC3394;
    enum hsm_result result = transport_wrap(office->token, transport, key, wrapped, &length, &way);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "wrapping the backup key");
    hex_encode(wrapped, length, hex);
    kcv_to_text(kcv, kcv_text);
    int used = snprintf(text, sizeof text,
                        "# nisim: backup key \"%s\", made in a token, wrapped for another one\n"
                        "TRANSPORT-KEY=%s\nWRAP=%s\nKCV=%s\nKEY=%s\n",
                        arguments->name, transport->name, transport_way_text(way), kcv_text, hex);
    return hand_over_write(arguments->hand_over, text, (size_t)used);
}

/* The hand-over is durable before the key is kept: no key is in use that only one token has. */
static enum outcome hand_over_and_keep(struct office *office, const struct arguments *arguments,
                                       const struct transport *transport, CK_OBJECT_HANDLE key,
                                       const struct kcv *kcv)
{
    enum outcome outcome = OUTCOME_DONE;
    if (transport != NULL)
        outcome = write_hand_over(office, arguments, transport, key, kcv);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result =
        transport_keep(office->token, arguments->name, TRANSPORT_BACKUP, key, kcv);
    if (result == HSM_OK)
        return OUTCOME_DONE;
    if (transport != NULL)
        hand_over_withdraw(arguments->hand_over);
    return office_fail_hsm(office, result, "keeping the backup key in the token");
}

static enum outcome make(struct office *office, const struct arguments *arguments,
                         const struct transport *transport)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    struct kcv kcv = {0};
    enum hsm_result result = transport_generate(office->token, &key, &kcv);
    if (result != HSM_OK)
        return office_fail_hsm(office, result, "making the backup key");
    enum outcome outcome = hand_over_and_keep(office, arguments, transport, key, &kcv);
    token_discard(office->token, key);
    if (outcome != OUTCOME_DONE)
        return outcome;
    transport_key_say_made(arguments->name, TRANSPORT_BACKUP, &kcv);
    if (transport == NULL)
        outcome_warn("backup key \"%s\" is in this token alone, for ever: a backup is lost with "
                     "the token",
                     arguments->name);
    return OUTCOME_DONE;
}

enum outcome backup_key_make(struct office *office, const struct arguments *arguments)
{
    struct transport transport = {0};
    const char *under = arguments->transport_key;
    if ((under == NULL) != (arguments->hand_over == NULL))
        return outcome_fail(OUTCOME_USAGE, "--transport-key and --hand-over go together");
    enum outcome outcome = transport_key_open_for(office, arguments->name, TRANSPORT_BACKUP);
    if (outcome == OUTCOME_DONE && under != NULL)
        outcome = transport_key_find(office, under, TRANSPORT_OUT, &transport);
    return outcome == OUTCOME_DONE ? make(office, arguments, under == NULL ? NULL : &transport)
                                   : outcome;
}

enum outcome backup_key_components(struct office *office, const struct arguments *arguments)
{
    return transport_key_combine(office, arguments, TRANSPORT_BACKUP);
}

enum outcome backup_key_receive(struct office *office, const struct arguments *arguments)
{
    return transport_key_unwrap(office, arguments, TRANSPORT_BACKUP);
}

enum outcome backup_key_list(struct office *office, const struct arguments *arguments)
{
    return transport_key_print(office, arguments, true);
}

enum outcome backup_key_remove(struct office *office, const struct arguments *arguments)
{
    return transport_key_destroy(office, arguments, TRANSPORT_BACKUP);
}
