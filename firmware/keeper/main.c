/* nisim-keeper INDEX GENERATION CONFIG_PATH: the token's side of the appliance (channel.h). */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "equip.h"
#include "log.h"
#include "login_turn.h"
#include "serve.h"

/* What is opened on the way to READY, in this order, and closed in the other. */
struct equipment {
    const char *process; /* its name in the log */
    struct config *config;
    struct module *module;
    struct keeper *keeper; /* its token, keys and store */
};

static enum exit_code exit_of(enum hsm_result result)
{
    switch (result) {
    case HSM_OK:
        return EXIT_DONE;
    case HSM_NO_MODULE:
    case HSM_NO_TOKEN:
    case HSM_NO_KEY:
    case HSM_UNSUPPORTED:
        return EXIT_NO_TOKEN;
    case HSM_BAD_URI:
    case HSM_PIN_UNREADABLE:
        return EXIT_CONFIG;
    case HSM_WRONG_PIN:
    case HSM_PIN_LOCKED:
        return EXIT_WRONG_PIN;
    default:
        return EXIT_LOST;
    }
}

static enum exit_code open_config(struct equipment *equipment, const char *path)
{
    char why[CONFIG_WHY_BYTES];
    enum log_level level = LOG_LEVEL_INFO;
    equipment->config = config_read_descriptor(KEEPER_FD_CONFIG, path, why);
    if (equipment->config == NULL) {
        log_line(LOG_LEVEL_ERROR, "config-bad", "reason=\"%s\"", why);
        return EXIT_CONFIG;
    }
    if (equipment->config->log != NULL && !log_level_from_name(equipment->config->log, &level))
        return EXIT_CONFIG;
    log_start(equipment->process, level);
    return EXIT_DONE;
}

static enum exit_code open_module(struct equipment *equipment)
{
    char why[256] = "";
    enum hsm_result rc =
        module_open(equipment->config->token_module, equipment->config->token_call_timeout, why,
                    sizeof why, &equipment->module);
    if (rc != HSM_OK)
        log_line(LOG_LEVEL_ERROR, "module-unusable", "option=token.module reason=\"%s\"", why);
    return exit_of(rc);
}

static enum exit_code open_token(struct equipment *equipment)
{
    const struct config *config = equipment->config;
    equipment->keeper->config = config;
    equipment->keeper->module = equipment->module;
    equipment->keeper->anchoring.interval_seconds = config->token_anchor_interval;
    enum hsm_result rc = equip_token(equipment->keeper);
    if (rc == HSM_OK || rc == HSM_PIN_UNREADABLE) /* log_in has said why */
        return exit_of(rc);
    const char *wanted = config->token_label != NULL    ? config->token_label
                         : config->token_serial != NULL ? config->token_serial
                                                        : config->token_uri;
    log_line(LOG_LEVEL_ERROR, "token-unusable", "token=\"%s\" reason=\"%s\" call=\"%s\"", wanted,
             rc == HSM_NO_KEY ? "it has no '" TOKEN_INTEGRITY_LABEL
                                "' key: prepare it with nisim-token init"
                              : hsm_result_text(rc),
             module_fault(equipment->module));
    return exit_of(rc);
}

static enum exit_code log_in(struct equipment *equipment)
{
    struct turn turn;
    login_turn_take(&turn, equipment->config->store);
    enum exit_code exit = open_module(equipment);
    if (exit == EXIT_DONE)
        exit = open_token(equipment);
    login_turn_give(&turn);
    return exit;
}

static enum exit_code open_store(struct equipment *equipment)
{
    char why[STORE_WHY_BYTES] = "";
    enum store_result rc =
        store_open(equipment->config->store, false, why, &equipment->keeper->store);
    if (rc == STORE_OK)
        return EXIT_DONE;
    log_line(LOG_LEVEL_ERROR, "store-unusable", "file=\"%s\" reason=\"%s\"",
             equipment->config->store, why);
    return rc == STORE_BUSY ? EXIT_LOST : EXIT_STORE;
}

static bool confine_early(const struct config *config)
{
    /* The user first: a change of user undoes what the other two ask of the kernel. */
    return confine_user(config->user_keeper) && confine_memory() && confine_lifetime();
}

static enum exit_code open_all(struct equipment *equipment, const char *config_path)
{
    enum exit_code exit = open_config(equipment, config_path);
    if (exit == EXIT_DONE && !confine_early(equipment->config))
        exit = EXIT_LOST;
    if (exit == EXIT_DONE)
        exit = log_in(equipment);
    if (exit == EXIT_DONE)
        exit = open_store(equipment);
    if (exit == EXIT_DONE && !confine_keeper(equipment->config->token_network))
        exit = EXIT_LOST;
    return exit;
}

static void close_all(struct equipment *equipment)
{
    store_close(&equipment->keeper->store);
    equip_clear(equipment->keeper);
    module_close(&equipment->module);
    config_free(&equipment->config);
}

static enum exit_code open_journal(struct keeper *keeper, const char *process, uint32_t generation)
{
    char folder[CONFIG_AUDIT_BYTES];
    config_audit_folder(keeper->config->audit, keeper->config->store, folder);
    enum exit_code exit = journal_open(keeper, folder, process, generation);
    if (exit != EXIT_DONE)
        journal_close(keeper, exit);
    return exit;
}

static enum exit_code announce(const struct equipment *equipment, uint32_t generation)
{
    const struct keeper *keeper = equipment->keeper;
    const struct token_abilities *can = &keeper->token->abilities;
    log_line(LOG_LEVEL_INFO, "keeper-ready",
             "generation=%u token=\"%s\" serial=%s keys=%zu session_copy=%d several_parts=%d "
             "laboratory=%d",
             generation, keeper->token->label, keeper->token->serial,
             keyring_count(keeper->keyring), can->session_copy, can->several_parts,
             keeper->is_laboratory);
    if (write(KEEPER_FD_READY, "", 1) != 1)
        return EXIT_LOST;
    close(KEEPER_FD_READY);
    return EXIT_DONE;
}

static enum exit_code serve_all(struct keeper *keeper, const struct equipment *equipment,
                                uint32_t generation)
{
    enum exit_code exit = announce(equipment, generation);
    if (exit == EXIT_DONE)
        exit = serve(keeper, KEEPER_FD_CHANNEL, generation);
    journal_close(keeper, exit);
    return exit;
}

static enum exit_code run(struct equipment *equipment, uint32_t generation)
{
    struct keeper *keeper = equipment->keeper;
    anchor_start(&keeper->anchoring.anchor, keeper->token, keeper->store);
    enum exit_code exit = anchoring_begin(&keeper->anchoring, equipment->config->store);
    if (exit == EXIT_DONE)
        exit = open_journal(keeper, equipment->process, generation);
    if (exit == EXIT_DONE)
        exit = serve_all(keeper, equipment, generation);
    records_free(&keeper->records);
    return exit;
}

static bool read_number(const char *text, unsigned long most, unsigned long *out_number)
{
    char *end = NULL;
    errno = 0;
    *out_number = strtoul(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out_number <= most;
}

int main(int argc, char **argv)
{
    static char process[32];
    static struct keeper keeper;
    struct equipment equipment = {.process = process, .keeper = &keeper};
    unsigned long index = 0;
    unsigned long generation = 0;
    if (argc != 4 || !read_number(argv[1], 63, &index) ||
        !read_number(argv[2], UINT32_MAX, &generation)) {
        fprintf(stderr, "nisim-keeper: started by nisimd, not by hand\n");
        return EXIT_USAGE;
    }
    keeper.generation = (uint32_t)generation;
    keeper.anchoring.advances = index == 0;
    snprintf(process, sizeof process, "keeper-%lu", index);
    log_start(process, LOG_LEVEL_INFO);
    enum exit_code exit = open_all(&equipment, argv[3]);
    if (exit == EXIT_DONE)
        exit = run(&equipment, (uint32_t)generation);
    close_all(&equipment);
    /* Not exit(): a module's destructors may run after those of the libraries it needs (SoftHSM).
     */
    _exit((int)exit);
}
