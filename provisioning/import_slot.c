#include "import_slot.h"

#include <string.h>
#include <sys/mman.h>

#define SLOTS_BYTES (IMPORT_SLOTS * sizeof(struct import_slot))

struct import_slot *import_slots_new(void)
{
    void *slots =
        mmap(NULL, SLOTS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return slots == MAP_FAILED ? NULL : slots;
}

void import_slots_free(struct import_slot **slots)
{
    if (*slots != NULL)
        munmap(*slots, SLOTS_BYTES);
    *slots = NULL;
}

/* A key in clear text stays in locked pages of one process; objects are noted before they are. */
bool import_slot_give(struct import_slot *slot, const struct import_keys *keys,
                      const struct import_terms *terms)
{
    static const struct arguments no_texts;
    const char *transport_key = terms->transport_key == NULL ? "" : terms->transport_key;
    if (import_keys_are_clear(keys) || import_keys_make_objects(keys, terms->has_digest) ||
        strlen(transport_key) > TRANSPORT_NAME_BYTES_MAX)
        return false;
    slot->terms = *terms;
    slot->terms.arguments = no_texts;
    memcpy(slot->transport_key, transport_key, strlen(transport_key) + 1);
    slot->terms.transport_key = terms->transport_key == NULL ? NULL : slot->transport_key;
    slot->state = IMPORT_SLOT_GIVEN;
    return true;
}

enum outcome import_slot_make(struct import_slot *slot, struct import_keys *keys,
                              struct office *office, const struct import_terms *terms, bool trial)
{
    enum outcome outcome = OUTCOME_DONE;
    enum import_made made =
        import_keys_make(keys, terms, trial, &slot->subscription, &outcome, slot->why);
    slot->state = made == IMPORT_MADE ? IMPORT_SLOT_MADE : IMPORT_SLOT_REFUSED;
    if (made != IMPORT_MADE || trial)
        return outcome;
    enum hsm_result result = subscription_seal(office->token, &slot->subscription);
    return result == HSM_OK ? OUTCOME_DONE : office_fail_hsm(office, result, "sealing the record");
}
