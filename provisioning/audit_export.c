#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_key.h"
#include "audit_text.h"
#include "hex.h"
#include "verbs.h"

/* Takes over `line`. */
static enum outcome print_line(json_t *line)
{
    int failed = line == NULL || json_dumpf(line, stdout, JSON_COMPACT) != 0;
    json_decref(line);
    putchar('\n');
    return failed ? outcome_fail(OUTCOME_FAILED, "memory is short") : OUTCOME_DONE;
}

static enum outcome print_head(const struct office *office, const struct audit_public_key *key)
{
    char pem[AUDIT_PEM_BYTES];
    if (!audit_public_key_pem(key, pem))
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    return print_line(json_pack("{s:i, s:s, s:s, s:s}", "nisim_audit", 1, "token",
                                office->token->label, "serial", office->token->serial, "public_key",
                                pem));
}

static bool add_hex(json_t *line, const char *name, const uint8_t *bytes, size_t length)
{
    char *hex = malloc(HEX_TEXT_BYTES(length));
    if (hex == NULL)
        return false;
    hex_encode(bytes, length, hex);
    bool added = json_object_set_new(line, name, json_string(hex)) == 0;
    free(hex);
    return added;
}

static bool add_signature(json_t *line, const struct audit_find *find)
{
    uint8_t der[AUDIT_DER_SIGNATURE_BYTES];
    const uint8_t *signature = find->cursor->read.record.signature;
    if (signature == NULL)
        return true;
    size_t length = audit_signature_der(signature, der);
    return length > 0 && add_hex(line, "signature", der, length);
}

/* The record's bytes too: the chain is made of them. */
static enum outcome print_record(const struct audit_find *find)
{
    json_t *line = audit_json(find);
    const uint8_t *bytes = find->cursor->bytes;
    size_t length = (size_t)bytes[0] << 8 | bytes[1];
    const uint8_t *body = bytes + AUDIT_LENGTH_BYTES;
    if (line != NULL &&
        !(add_hex(line, "body", body, length) &&
          add_hex(line, "chain", body + length, AUDIT_CHAIN_BYTES) && add_signature(line, find))) {
        json_decref(line);
        line = NULL;
    }
    return print_line(line);
}

enum outcome audit_export(struct office *office, const struct arguments *arguments)
{
    struct audit_find find;
    struct audit_walk *walk = NULL;
    struct audit_public_key *key = NULL;
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = audit_key_open(office, &key);
    if (outcome == OUTCOME_DONE)
        outcome = audit_walk_new(arguments->from == NULL ? office->audit_path : arguments->from,
                                 arguments->writer, &walk);
    if (outcome == OUTCOME_DONE)
        outcome = print_head(office, key);
    while (outcome == OUTCOME_DONE && audit_walk_next(walk, &find))
        outcome = print_record(&find);
    if (outcome == OUTCOME_DONE)
        outcome = audit_walk_outcome(walk);
    audit_walk_free(&walk);
    audit_public_key_free(&key);
    return outcome;
}
