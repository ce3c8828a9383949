/*
 * Are random single changes to a real appliance's trail all found?
 * audit_mutations MODULE LABEL PIN_FILE STORE FOLDER COUNT SEED WRITER...: COUNT of each writer's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "audit_mutation.h"
#include "head.h"
#include "pin.h"
#include "token_sign.h"

struct scene {
    struct module *module;
    struct token *token;
    struct store *store;
    struct audit_public_key *key;
};

static bool open_scene(char **argv, struct scene *out)
{
    char why[256];
    struct secret_pin pin = {0};
    struct token_signer signer;
    const struct token_choice choice = {.label = argv[2]};
    if (module_open(argv[1], 30, why, sizeof why, &out->module) != HSM_OK ||
        token_open(out->module, &choice, false, &out->token) != HSM_OK ||
        pin_from_file(argv[3], &pin) != HSM_OK || token_log_in(out->token, &pin) != HSM_OK ||
        token_find_integrity(out->token) != HSM_OK ||
        token_find_signer(out->token, &signer) != HSM_OK ||
        store_open(argv[4], false, why, &out->store) != STORE_OK)
        return false;
    out->key = audit_public_key_new(signer.point);
    return out->key != NULL;
}

int main(int argc, char **argv)
{
    struct scene scene = {0};
    struct audit_head head;
    int missed = 0;
    if (argc < 9 || !open_scene(argv, &scene))
        return 2;
    srandom((unsigned)strtoul(argv[7], NULL, 10));
    for (int writer = 8; writer < argc; writer++) {
        if (audit_head_read(scene.token, scene.store, argv[writer], &head) != HSM_OK)
            return 2;
        for (long left = strtol(argv[6], NULL, 10); left > 0; left--)
            missed += mutation_is_found(argv[5], argv[writer], &head, scene.key) ? 0 : 1;
    }
    audit_public_key_free(&scene.key);
    store_close(&scene.store);
    token_close(&scene.token);
    module_close(&scene.module);
    return missed == 0 ? 0 : 1;
}
