#include "ways.h"

#include <string.h>

#include "transport_key.h"

enum hsm_result ways_load(struct office *office, const struct enrolment *enrolment,
                          struct enrolled *out)
{
    const struct kcv_checked checked = {&enrolment->source, &enrolment->kcv, &out->kcv};
    const struct key_source source = kcv_source(&checked);
    const struct opc_source opc = {enrolment->op, enrolment->op_is_opc};
    if (out->residence == RESIDENCE_WRAPPED)
        return enrol_wrap(office->token, &source, &opc, &out->key_ref, &out->wrapped);
    return enrol_keys(office->token, enrolment, &out->key_ref, &out->kcv);
}

static enum outcome enrol_clear(struct office *office, const struct arguments *arguments,
                                const struct keyfile *keyfile, struct enrolled *out)
{
    struct enrolment enrolment = {key_source_clear(&keyfile->k),
                                  &keyfile->k,
                                  &keyfile->op,
                                  keyfile->op_is_opc,
                                  {0},
                                  arguments->impi};
    if (!office->is_laboratory)
        return outcome_fail(OUTCOME_USAGE,
                            "token \"%s\" is no laboratory's: it takes no key in clear text. Give "
                            "--wrapped-file or --generate, or make a token with init --laboratory",
                            office->token->label);
    enum outcome outcome = transport_key_take_kcv(arguments, &enrolment.kcv);
    if (outcome != OUTCOME_DONE)
        return outcome;
    outcome_warn("CLEAR-TEXT LABORATORY IMPORT: K of %s is outside the token in clear, and passes "
                 "through this machine's memory. Never do this with a key of a live network.",
                 arguments->impi);
    out->origin = KEY_ORIGIN_CLEAR_LABORATORY;
    enum hsm_result result = ways_load(office, &enrolment, out);
    return result == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, result, "loading K and OPc");
}

/* `op` in locked memory. */
static enum outcome load_wrapped(struct office *office, const struct arguments *arguments,
                                 const struct transport *transport, const struct wrapfile *file,
                                 struct secret128 *op, struct enrolled *out)
{
    const struct transport_wrapped k = {transport, file->k.bytes, file->k.length};
    const struct transport_wrapped wrapped_op = {transport, file->op.bytes, file->op.length};
    struct enrolment enrolment = {transport_source(&k), NULL,      op,
                                  file->op_is_opc,      file->kcv, arguments->impi};
    enum hsm_result result = transport_read(office->token, &wrapped_op, op);
    if (result != HSM_OK)
        return office_fail_hsm(
            office, result, file->op_is_opc ? "OPc in the wrapped file" : "OP in the wrapped file");
    out->origin = transport_origin(transport);
    result = ways_load(office, &enrolment, out);
    return result == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, result, "K in the wrapped file");
}

static enum outcome enrol_wrapped_file(struct office *office, const struct arguments *arguments,
                                       const struct wrapfile *file, struct enrolled *out)
{
    struct transport transport = {0};
    enum outcome outcome =
        transport_key_find(office, arguments->transport_key, TRANSPORT_IN, &transport);
    if (outcome != OUTCOME_DONE)
        return outcome;
    struct secret128 *op = secret_pages_new(sizeof *op);
    if (op == NULL)
        return outcome_fail(OUTCOME_FAILED, "no memory that can be locked for OP");
    outcome = load_wrapped(office, arguments, &transport, file, op, out);
    secret_pages_free(op, sizeof *op);
    return outcome;
}

enum outcome ways_enrol(struct office *office, const struct arguments *arguments,
                        const struct credentials *credentials, struct enrolled *out)
{
    if (credentials->wrapped != NULL)
        return enrol_wrapped_file(office, arguments, credentials->wrapped, out);
    if (credentials->generate)
        return ways_generate(office, arguments, credentials, out);
    return enrol_clear(office, arguments, credentials->keyfile, out);
}
