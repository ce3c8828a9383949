#include "equip.h"

#include <errno.h>
#include <string.h>

#include "laboratory.h"
#include "log.h"
#include "pin.h"

/* 36 MB of SoftHSM's memory (key_cache.h). */
#define WORN_AFTER 150000

static enum hsm_result log_in(struct keeper *keeper)
{
    ERASED(secret_pin) struct secret_pin pin = {0};
    enum hsm_result rc = pin_from_file(keeper->config->token_pin_file, &pin);
    if (rc == HSM_OK)
        return token_log_in(keeper->token, &pin);
    log_line(LOG_LEVEL_ERROR, "pin-unreadable", "option=token.pin_file file=\"%s\" reason=\"%s\"",
             keeper->config->token_pin_file, errno != 0 ? strerror(errno) : hsm_result_text(rc));
    return rc;
}

enum hsm_result equip_token(struct keeper *keeper)
{
    const struct config *config = keeper->config;
    struct token_choice choice = {config->token_label, config->token_serial, config->token_uri};
    enum hsm_result rc =
        token_open(keeper->module, &choice, keeper->anchoring.advances, &keeper->token);
    keeper->anchoring.anchor.token = keeper->token;
    if (rc == HSM_OK)
        rc = log_in(keeper);
    if (rc == HSM_OK)
        rc = token_prove(keeper->token);
    if (rc == HSM_OK)
        rc = token_find_integrity(keeper->token);
    if (rc == HSM_OK)
        rc = laboratory_find(keeper->token, &keeper->is_laboratory);
    if (rc == HSM_OK)
        rc = keyring_new(keeper->token, &keeper->keyring);
    if (rc == HSM_OK)
        rc = key_cache_new(keeper->token, config->token_unwrapped_keys, &keeper->unwrapped);
    return rc;
}

void equip_clear(struct keeper *keeper)
{
    key_cache_free(&keeper->unwrapped);
    keyring_free(&keeper->keyring);
    token_close(&keeper->token);
}

bool equip_is_worn(const struct keeper *keeper)
{
    return key_cache_unwrapped(keeper->unwrapped) >= WORN_AFTER;
}
