#include "card_files.h"

#include "gba.h"

_Static_assert(CARD_NAFS_MAX == GBA_NAFS_MAX, "EF.GBANL has a record for each NAF");

bool card_files_gba(void *user, struct card_gba *out)
{
    struct work *work = user;
    const struct gba_state *state = &work->keeper->gba;
    bool done = false;
    *out = (struct card_gba){0};
    if (!work->keeper->subscription.gba || !gba_load(work, &done))
        return false;
    if (!done)
        return true;
    out->rand = state->rand;
    out->b_tid = state->b_tid;
    out->lifetime = state->lifetime;
    out->naf_count = state->naf_count;
    for (size_t i = 0; i < state->naf_count; i++) {
        out->nafs[i].naf_id = state->nafs[i].bytes;
        out->nafs[i].bytes = state->nafs[i].length;
    }
    return true;
}
