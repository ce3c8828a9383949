#include "card_pin.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "store_pin.h"
#include "verbs.h"

enum outcome card_pin_read(const char *path, struct secret64 *out_pin)
{
    ERASED(secret_pin) struct secret_pin text = {0};
    bool is_input = strcmp(path, "-") == 0;
    const struct pin_place place = {"card PIN", is_input ? NULL : path,
                                    is_input ? STDIN_FILENO : -1};
    enum outcome outcome = office_read_pin(&place, false, &text);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!pin_encode(text.text, text.length, out_pin))
        return outcome_fail(OUTCOME_USAGE, "card PIN file %s: it is not 4 to 8 digits",
                            is_input ? "standard input" : path);
    return OUTCOME_DONE;
}

enum outcome subscriber_unblock_pin(struct office *office, const struct arguments *arguments)
{
    const char *impi = office->subscription.identity.impi;
    enum outcome outcome = change_open(office, arguments->name);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!office->subscription.pin.is_set)
        return outcome_fail(OUTCOME_FAILED, "the card of %s asks for no PIN", impi);
    enum store_result stored = store_pin_unblock(office->store, office->subscription.row);
    if (stored == STORE_NOT_FOUND)
        return outcome_fail(OUTCOME_STORE, "store %s: %s has no PIN counter", office->store_path,
                            impi);
    if (stored != STORE_OK)
        return office_fail_store(office, stored);
    printf("%s has %d tries for its PIN\n", impi, PIN_TRIES);
    return OUTCOME_DONE;
}
