#include "token_anchor.h"

#include <string.h>
#include <time.h>

#include "hex.h"
#include "wire.h"

/* CKA_LABEL is TOKEN_ANCHOR_NAME, a blank, and the mark in hex. */
#define PREFIX_BYTES sizeof TOKEN_ANCHOR_NAME
#define TRIES 5
#define PAUSE_MS 10
#define LABEL_BYTES (PREFIX_BYTES + (size_t)2 * ANCHOR_MARK_BYTES)

bool anchor_mark_equal(const struct anchor_mark *a, const struct anchor_mark *b)
{
    return a->counter == b->counter && memcmp(a->store_id, b->store_id, sizeof a->store_id) == 0;
}

void anchor_mark_to_bytes(const struct anchor_mark *mark, uint8_t out_bytes[ANCHOR_MARK_BYTES])
{
    struct wire_writer writer = wire_writer_of(out_bytes, ANCHOR_MARK_BYTES);
    wire_write_bytes(&writer, mark->store_id, sizeof mark->store_id);
    wire_write_number(&writer, mark->counter, 8);
}

void anchor_mark_from_bytes(const uint8_t bytes[ANCHOR_MARK_BYTES], struct anchor_mark *out_mark)
{
    struct wire_reader reader = wire_reader_of(bytes, ANCHOR_MARK_BYTES);
    memcpy(out_mark->store_id, wire_read_bytes(&reader, ANCHOR_ID_BYTES), ANCHOR_ID_BYTES);
    out_mark->counter = wire_read_number(&reader, 8);
}

static void pause_a_moment(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* Only a private one: a public object can be made without a log-in. */
static enum hsm_result find_now(struct token *token)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    char name[] = TOKEN_ANCHOR_NAME;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_APPLICATION, name, sizeof name - 1}};
    return token_find_one(token, fit, sizeof fit / sizeof fit[0], &token->anchor);
}

/*
 * SoftHSM rewrites an object in place: a process that looks in that moment is told that there is
 * none, or that the handle it has is invalid. So what is not there is looked for again.
 */
static enum hsm_result find(struct token *token)
{
    enum hsm_result rc = token->anchor != CK_INVALID_HANDLE ? HSM_OK : find_now(token);
    for (int tries = 1; rc == HSM_NO_KEY && tries < TRIES; tries++) {
        pause_a_moment();
        rc = find_now(token);
    }
    return rc;
}

/* What was done by a handle is to be done again, by a new one. */
static bool find_again(struct token *token, CK_RV rv)
{
    if (rv != CKR_OBJECT_HANDLE_INVALID)
        return false;
    token->anchor = CK_INVALID_HANDLE;
    return find(token) == HSM_OK;
}

/* No CKA_VALUE: SoftHSM lets nothing of a data object be changed but its label. */
static void to_label(const struct anchor_mark *mark, char out_label[LABEL_BYTES + 1])
{
    uint8_t bytes[ANCHOR_MARK_BYTES];
    anchor_mark_to_bytes(mark, bytes);
    memcpy(out_label, TOKEN_ANCHOR_NAME " ", PREFIX_BYTES);
    hex_encode(bytes, sizeof bytes, out_label + PREFIX_BYTES);
}

static CK_RV get_label(struct token *token, CK_ATTRIBUTE *label)
{
    return MODULE_CALL(token->module, C_GetAttributeValue, token->session, token->anchor, label, 1);
}

static CK_RV set_label(struct token *token, CK_ATTRIBUTE *label)
{
    return MODULE_CALL(token->module, C_SetAttributeValue, token->session, token->anchor, label, 1);
}

enum hsm_result token_anchor_read(struct token *token, struct anchor_mark *out_mark)
{
    char label[LABEL_BYTES] = "";
    uint8_t bytes[ANCHOR_MARK_BYTES] = {0};
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof label};
    enum hsm_result rc = find(token);
    if (rc != HSM_OK)
        return rc;
    CK_RV rv = get_label(token, &attribute);
    if (find_again(token, rv)) {
        attribute.ulValueLen = sizeof label;
        rv = get_label(token, &attribute);
    }
    if (rv != CKR_OK)
        return module_result(rv);
    if (attribute.ulValueLen != sizeof label ||
        memcmp(label, TOKEN_ANCHOR_NAME " ", PREFIX_BYTES) != 0 ||
        !hex_decode(label + PREFIX_BYTES, sizeof label - PREFIX_BYTES, bytes, sizeof bytes))
        return HSM_BAD_ANSWER;
    anchor_mark_from_bytes(bytes, out_mark);
    return HSM_OK;
}

static enum hsm_result make(struct token *token, const struct anchor_mark *mark)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    char name[] = TOKEN_ANCHOR_NAME;
    char label[LABEL_BYTES + 1];
    CK_ATTRIBUTE object[] = {
        {CKA_CLASS, &class, sizeof class},        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},          {CKA_MODIFIABLE, &yes, sizeof yes},
        {CKA_APPLICATION, name, sizeof name - 1}, {CKA_LABEL, label, LABEL_BYTES}};
    to_label(mark, label);
    return module_result(MODULE_CALL(token->module, C_CreateObject, token->session, object,
                                     sizeof object / sizeof object[0], &token->anchor));
}

enum hsm_result token_anchor_write(struct token *token, const struct anchor_mark *mark)
{
    char label[LABEL_BYTES + 1];
    CK_ATTRIBUTE attribute = {CKA_LABEL, label, LABEL_BYTES};
    enum hsm_result rc = find(token);
    if (rc == HSM_NO_KEY)
        return make(token, mark);
    if (rc != HSM_OK)
        return rc;
    to_label(mark, label);
    CK_RV rv = set_label(token, &attribute);
    return module_result(find_again(token, rv) ? set_label(token, &attribute) : rv);
}
