#include "head.h"

#include <stdio.h>
#include <string.h>

static enum hsm_result seal_as(struct token *token, const char *prefix, const char *writer,
                               const struct audit_head *head, struct stored_value *out_value)
{
    struct wire_writer bytes = wire_writer_of(out_value->value, sizeof out_value->value);
    wire_write_number(&bytes, head->segment, 4);
    wire_write_number(&bytes, head->offset, 8);
    wire_write_number(&bytes, head->sequence, 8);
    wire_write_bytes(&bytes, head->chain, sizeof head->chain);
    out_value->bytes = bytes.used;
    snprintf(out_value->name, sizeof out_value->name, "%s%s", prefix, writer);
    return stored_value_seal(token, out_value);
}

static bool parse(const struct stored_value *value, struct audit_head *out_head)
{
    struct audit_head head = {0};
    struct wire_reader bytes = wire_reader_of(value->value, value->bytes);
    head.segment = (uint32_t)wire_read_number(&bytes, 4);
    head.offset = wire_read_number(&bytes, 8);
    head.sequence = wire_read_number(&bytes, 8);
    const uint8_t *chain = wire_read_bytes(&bytes, sizeof head.chain);
    if (!wire_reader_done(&bytes))
        return false;
    memcpy(head.chain, chain, sizeof head.chain);
    *out_head = head;
    return true;
}

static enum hsm_result read_sealed(struct token *token, struct store *store, const char *prefix,
                                   const char *writer, struct audit_head *out_head)
{
    struct stored_value value;
    char name[STORED_NAME_BYTES_MAX + 1];
    snprintf(name, sizeof name, "%s%s", prefix, writer);
    enum store_result found = store_value_read(store, name, &value);
    if (found == STORE_NOT_FOUND)
        return HSM_NO_KEY;
    if (found != STORE_OK)
        return HSM_REFUSED;
    enum hsm_result rc = stored_value_check_seal(token, &value);
    return rc == HSM_OK && !parse(&value, out_head) ? HSM_BAD_ANSWER : rc;
}

enum hsm_result audit_head_seal(struct token *token, const char *writer,
                                const struct audit_head *head, struct stored_value *out_value)
{
    return seal_as(token, AUDIT_HEAD_PREFIX, writer, head, out_value);
}

enum hsm_result audit_head_read(struct token *token, struct store *store, const char *writer,
                                struct audit_head *out_head)
{
    return read_sealed(token, store, AUDIT_HEAD_PREFIX, writer, out_head);
}

enum hsm_result audit_archived_seal(struct token *token, const char *writer,
                                    const struct audit_head *end, struct stored_value *out_value)
{
    return seal_as(token, AUDIT_ARCHIVED_PREFIX, writer, end, out_value);
}

enum hsm_result audit_archived_read(struct token *token, struct store *store, const char *writer,
                                    struct audit_head *out_end)
{
    return read_sealed(token, store, AUDIT_ARCHIVED_PREFIX, writer, out_end);
}
