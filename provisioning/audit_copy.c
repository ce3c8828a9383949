#include "audit_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "durable.h"

#define PIECE_BYTES ((size_t)1024) /* two of them stand on the stack */

static enum outcome fail(const char *path)
{
    return outcome_fail(OUTCOME_STORE, "%s: %s", path, strerror(errno));
}

/* To the end of both. */
static bool is_same(FILE *a, FILE *b)
{
    char one[PIECE_BYTES];
    char other[PIECE_BYTES];
    size_t got = 0;
    do {
        got = fread(one, 1, sizeof one, a);
        if (fread(other, 1, sizeof other, b) != got || memcmp(one, other, got) != 0)
            return false;
    } while (got > 0);
    return ferror(a) == 0 && ferror(b) == 0;
}

static bool write_all(FILE *from, FILE *to)
{
    char piece[PIECE_BYTES];
    size_t got = 0;
    while ((got = fread(piece, 1, sizeof piece, from)) > 0) {
        if (fwrite(piece, 1, got, to) != got)
            return false;
    }
    return ferror(from) == 0 && fflush(to) == 0 && fsync(fileno(to)) == 0;
}

/* What an earlier run left of it is overwritten. */
static enum outcome write_new(FILE *from, const char *to)
{
    char *partial = NULL;
    if (asprintf(&partial, "%s.partial", to) < 0)
        return outcome_fail(OUTCOME_FAILED, "memory is short");
    int descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    bool written = file != NULL && write_all(from, file);
    enum outcome outcome = written ? OUTCOME_DONE : fail(partial);
    if (file != NULL && fclose(file) != 0 && outcome == OUTCOME_DONE)
        outcome = fail(partial);
    if (file == NULL && descriptor >= 0)
        close(descriptor);
    if (outcome == OUTCOME_DONE && rename(partial, to) != 0)
        outcome = fail(to);
    if (outcome != OUTCOME_DONE)
        (void)unlink(partial);
    free(partial);
    return outcome;
}

static enum outcome compare(FILE *from, FILE *there, const char *to)
{
    bool same = is_same(from, there);
    fclose(there);
    return same ? OUTCOME_DONE
                : outcome_fail(OUTCOME_TAKEN,
                               "%s is there already and is another; it is left as it is", to);
}

enum outcome audit_copy(const char *from, const char *to)
{
    FILE *source = fopen(from, "re");
    if (source == NULL)
        return fail(from);
    FILE *there = fopen(to, "re");
    enum outcome outcome = there == NULL ? write_new(source, to) : compare(source, there, to);
    fclose(source);
    return outcome;
}

enum outcome audit_sync_folder(const char *path)
{
    return durable_folder(path) ? OUTCOME_DONE : fail(path);
}
