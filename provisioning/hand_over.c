#include "hand_over.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "durable.h"

static bool write_durably(int descriptor, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);
        if (written < 0 && errno != EINTR)
            return false;
        text += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return fsync(descriptor) == 0;
}

enum outcome hand_over_write(const char *path, const char *text, size_t length)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0)
        return outcome_fail(OUTCOME_USAGE, "hand-over file %s: %s; nothing is changed", path,
                            strerror(errno));
    bool good = write_durably(descriptor, text, length);
    int saved = errno;
    if (close(descriptor) != 0 || !good || !durable_name(path)) {
        saved = good ? errno : saved;
        hand_over_withdraw(path);
        return outcome_fail(OUTCOME_FAILED, "hand-over file %s: %s; nothing is changed", path,
                            strerror(saved));
    }
    return OUTCOME_DONE;
}

void hand_over_withdraw(const char *path)
{
    if (unlink(path) != 0)
        outcome_warn("hand-over file %s is of a key that is not in use, and can't be removed: %s",
                     path, strerror(errno));
}
