#include "notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

void notify_manager(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path == NULL ? 0 : strlen(path);
    if (length == 0 || length >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, length);
    /* A socket in the abstract name space is written with @ and begins with a NUL. */
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return;
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (sendto(descriptor, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to,
               bytes) < 0)
        log_line(LOG_LEVEL_WARNING, "manager-not-told", "state=%s", state);
    close(descriptor);
}
