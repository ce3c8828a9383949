#include "durable.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool durable_folder(const char *folder)
{
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    bool synced = fsync(descriptor) == 0;
    int saved = errno;
    close(descriptor);
    errno = saved;
    return synced;
}

bool durable_name(const char *path)
{
    char *copy = strdup(path); /* dirname writes into it */
    bool synced = copy != NULL && durable_folder(dirname(copy));
    int saved = errno;
    free(copy);
    errno = saved;
    return synced;
}
