#include "deadline.h"

#include <errno.h>
#include <time.h>

static int64_t now_ms(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_in(unsigned ms)
{
    return (struct deadline){now_ms() + ms};
}

int deadline_wait(const struct deadline *deadline, int descriptor, short events)
{
    struct pollfd wanted = {.fd = descriptor, .events = events};
    for (;;) {
        int64_t left = deadline->at_ms - now_ms();
        if (left <= 0)
            return 0;
        int ready = poll(&wanted, 1, left > 60000 ? 60000 : (int)left);
        if (ready > 0)
            return 1;
        if (ready < 0 && errno != EINTR)
            return -1;
    }
}
