#include "card_sessions.h"

#include <string.h>

#include "keeper.h"

#define NO_PLACE SIZE_MAX
/* A request touches a place at most: the connection's own, or one that is free or gives way. */
#define TOUCHED_MAX KEEPER_BATCH_MAX

struct touched {
    size_t place;
    struct card_use before;
};

struct card_sessions {
    uint64_t clock;
    size_t touched_count;
    size_t noted[KEEPER_BATCH_MAX]; /* by request: the place its answer tells of, or NO_PLACE */
    struct touched touched[TOUCHED_MAX];
    struct card_use uses[CARD_SESSIONS_MAX];
};

struct card_sessions *card_sessions_new(void)
{
    return secret_pages_new(sizeof(struct card_sessions));
}

void card_sessions_free(struct card_sessions **sessions)
{
    if (*sessions != NULL)
        secret_pages_free(*sessions, sizeof **sessions);
    *sessions = NULL;
}

static struct touched *find_touched(struct card_sessions *sessions, size_t place)
{
    for (size_t i = 0; i < sessions->touched_count; i++) {
        if (sessions->touched[i].place == place)
            return &sessions->touched[i];
    }
    return NULL;
}

/* Before anything in it changes. */
static struct card_use *touch(struct card_sessions *sessions, size_t place)
{
    struct card_use *use = &sessions->uses[place];
    if (find_touched(sessions, place) == NULL) {
        struct touched *touched = &sessions->touched[sessions->touched_count++];
        touched->place = place;
        touched->before = *use;
    }
    use->used = ++sessions->clock;
    return use;
}

static size_t place_of(const struct card_sessions *sessions, uint32_t connection)
{
    for (size_t i = 0; i < CARD_SESSIONS_MAX; i++) {
        if (sessions->uses[i].connection == connection)
            return i;
    }
    return NO_PLACE;
}

static size_t oldest_place(const struct card_sessions *sessions)
{
    size_t oldest = 0;
    for (size_t i = 1; i < CARD_SESSIONS_MAX; i++) {
        if (sessions->uses[i].used < sessions->uses[oldest].used)
            oldest = i;
    }
    return oldest;
}

struct card_use *card_sessions_find(struct card_sessions *sessions,
                                    const struct channel_stamp *stamp,
                                    const struct subscriber_name *name)
{
    size_t place = stamp->connection == 0 ? NO_PLACE : place_of(sessions, stamp->connection);
    if (place == NO_PLACE)
        return NULL;
    const struct card_use *use = &sessions->uses[place];
    if (use->client != stamp->client || use->name.by != name->by ||
        strcmp(use->name.text, name->text) != 0)
        return NULL;
    return touch(sessions, place);
}

struct card_use *card_sessions_start(struct card_sessions *sessions,
                                     const struct channel_stamp *stamp,
                                     const struct subscriber_name *name, int64_t row)
{
    size_t place = place_of(sessions, stamp->connection);
    if (place == NO_PLACE)
        place = place_of(sessions, 0);
    if (place == NO_PLACE)
        place = oldest_place(sessions);
    struct card_use *use = touch(sessions, place);
    use->connection = stamp->connection;
    use->client = stamp->client;
    use->row = row;
    use->name = *name;
    card_session_reset(&use->session);
    return use;
}

static void clear(struct card_use *use)
{
    secret_wipe(use, sizeof *use);
}

void card_sessions_end(struct card_sessions *sessions, struct card_use *use)
{
    (void)touch(sessions, (size_t)(use - sessions->uses));
    clear(use);
}

void card_sessions_forget(struct card_sessions *sessions, uint32_t connection)
{
    for (size_t i = 0; i < CARD_SESSIONS_MAX; i++) {
        if (connection == 0 || sessions->uses[i].connection == connection)
            clear(&sessions->uses[i]);
    }
    for (size_t i = 0; i < sessions->touched_count; i++) {
        struct card_use *before = &sessions->touched[i].before;
        if (connection == 0 || before->connection == connection)
            clear(before);
    }
}

void card_sessions_begin(struct card_sessions *sessions)
{
    secret_wipe(sessions->touched, sessions->touched_count * sizeof sessions->touched[0]);
    sessions->touched_count = 0;
    for (size_t i = 0; i < KEEPER_BATCH_MAX; i++)
        sessions->noted[i] = NO_PLACE;
}

void card_sessions_rewind(struct card_sessions *sessions)
{
    for (size_t i = 0; i < sessions->touched_count; i++)
        sessions->uses[sessions->touched[i].place] = sessions->touched[i].before;
    card_sessions_begin(sessions);
}

void card_sessions_note(struct card_sessions *sessions, const struct card_use *use, size_t at)
{
    sessions->noted[at] = (size_t)(use - sessions->uses);
}

static void revert_place(struct card_sessions *sessions, size_t place, size_t count,
                         bool *out_withheld)
{
    struct touched *touched = find_touched(sessions, place);
    if (touched != NULL)
        sessions->uses[place] = touched->before;
    for (size_t i = 0; i < count; i++) {
        if (sessions->noted[i] == place)
            out_withheld[i] = true;
    }
}

void card_sessions_revert(struct card_sessions *sessions, const bool *awaits, size_t count,
                          bool *out_withheld)
{
    for (size_t i = 0; i < count; i++) {
        if (awaits[i] && sessions->noted[i] != NO_PLACE)
            revert_place(sessions, sessions->noted[i], count, out_withheld);
    }
}
