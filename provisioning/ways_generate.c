/*
 * --generate: K is made in the token as an object of the session, wrapped for the HSS, and only
 * when the hand-over file is durable copied to one that can't leave. The session object is
 * destroyed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "hand_over.h"
#include "hex.h"
#include "transport_key.h"
#include "ways.h"

#define HAND_OVER_BYTES_MAX (4 * TRANSPORT_WRAPPED_BYTES_MAX + 2 * NAME_BYTES_MAX + 512)

/* A key on its way; all but opc, which rests in locked memory, may be shown. */
struct birth {
    struct transport transport;
    CK_OBJECT_HANDLE key; /* of the session, extractable */
    struct secret128 *opc;
    struct kcv kcv;
    struct wrapfile_blob wrapped_k;
    struct wrapfile_blob wrapped_opc;
    enum transport_way way;
    char k_text[HEX_TEXT_BYTES(TRANSPORT_WRAPPED_BYTES_MAX)];
    char opc_text[HEX_TEXT_BYTES(TRANSPORT_WRAPPED_BYTES_MAX)];
    char text[HAND_OVER_BYTES_MAX];
};

static enum hsm_result find_opc(struct token *token, const struct keyfile *op, struct birth *birth)
{
    if (op == NULL)
        return getrandom(birth->opc->bytes, sizeof birth->opc->bytes, 0) == sizeof birth->opc->bytes
                   ? HSM_OK
                   : HSM_LOST;
    const struct opc_source source = {&op->op, op->op_is_opc};
    return enrol_find_opc(token, birth->key, &source, birth->opc);
}

static enum hsm_result wrap_both(struct token *token, struct birth *birth)
{
    enum hsm_result rc =
        transport_wrap(token, &birth->transport, birth->key, birth->wrapped_k.bytes,
                       &birth->wrapped_k.length, &birth->way);
    if (rc == HSM_OK)
        rc = transport_wrap_value(token, &birth->transport, birth->opc, birth->wrapped_opc.bytes,
                                  &birth->wrapped_opc.length);
    return rc;
}

static enum outcome prepare(struct office *office, const struct keyfile *op, struct birth *birth)
{
    static const struct key_ref nobody;
    struct enrol_key key = {key_source_generated(), &nobody, "nisim K on its way", false, true};
    enum hsm_result rc = enrol_create_key(office->token, &key, &birth->key);
    if (rc == HSM_OK)
        rc = kcv_of(office->token, birth->key, &birth->kcv);
    if (rc == HSM_OK)
        rc = find_opc(office->token, op, birth);
    if (rc != HSM_OK)
        return office_fail_hsm(office, rc, "making K in the token");
    rc = wrap_both(office->token, birth);
    return rc == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, rc, "wrapping K for the HSS");
}

static size_t write_text(struct birth *birth, const char *impi)
{
    char kcv[KCV_TEXT_BYTES];
    kcv_to_text(&birth->kcv, kcv);
    hex_encode(birth->wrapped_k.bytes, birth->wrapped_k.length, birth->k_text);
    hex_encode(birth->wrapped_opc.bytes, birth->wrapped_opc.length, birth->opc_text);
    int length =
        snprintf(birth->text, sizeof birth->text,
                 "# nisim: a key that was made in the token, wrapped for the HSS\n"
                 "IMPI=%s\nALGORITHM=milenage\nTRANSPORT-KEY=%s\nWRAP=%s\nKCV=%s\nK=%s\nOPc=%s\n",
                 impi, birth->transport.name, transport_way_text(birth->way), kcv, birth->k_text,
                 birth->opc_text);
    return (size_t)length;
}

static enum outcome write_hand_over(struct birth *birth, const struct arguments *arguments)
{
    size_t length = write_text(birth, arguments->impi);
    return hand_over_write(arguments->hand_over, birth->text, length);
}

static enum outcome keep(struct office *office, const struct arguments *arguments,
                         const struct birth *birth, struct enrolled *out)
{
    const struct enrolment enrolment = {
        key_source_copy(&birth->key), NULL, birth->opc, true, birth->kcv, arguments->impi};
    enum hsm_result result = ways_load(office, &enrolment, out);
    if (result == HSM_OK) {
        out->origin = KEY_ORIGIN_GENERATED;
        out->handed_over = true;
        return OUTCOME_DONE;
    }
    hand_over_withdraw(arguments->hand_over);
    return office_fail_hsm(office, result, "keeping K in the token");
}

static enum outcome give_birth(struct office *office, const struct arguments *arguments,
                               const struct keyfile *op, struct birth *birth, struct enrolled *out)
{
    enum outcome outcome = prepare(office, op, birth);
    if (outcome == OUTCOME_DONE)
        outcome = write_hand_over(birth, arguments);
    if (outcome == OUTCOME_DONE)
        outcome = keep(office, arguments, birth, out);
    if (birth->key != CK_INVALID_HANDLE)
        (void)MODULE_CALL(office->module, C_DestroyObject, office->token->session, birth->key);
    return outcome;
}

enum outcome ways_generate(struct office *office, const struct arguments *arguments,
                           const struct credentials *credentials, struct enrolled *out)
{
    struct transport transport = {0};
    enum outcome outcome =
        transport_key_find(office, arguments->hss_key, TRANSPORT_OUT, &transport);
    if (outcome != OUTCOME_DONE)
        return outcome;
    struct birth *birth = calloc(1, sizeof *birth);
    struct secret128 *opc = secret_pages_new(sizeof *opc);
    if (birth == NULL || opc == NULL) {
        outcome = outcome_fail(OUTCOME_FAILED, "no memory, or none that can be locked for OPc");
    } else {
        birth->transport = transport;
        birth->opc = opc;
        outcome = give_birth(office, arguments, credentials->op, birth, out);
    }
    secret_pages_free(opc, sizeof *opc);
    free(birth);
    return outcome;
}
