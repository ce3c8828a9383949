#include "deadline.h"

#include <errno.h>
#include <time.h>

#define POLL_MS_MAX 60000

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

struct deadline deadline_share(const struct deadline *deadline, size_t parts)
{
    int64_t now = now_ms();
    return (struct deadline){now + (deadline->at_ms - now) / (int64_t)parts};
}

bool deadline_passed(const struct deadline *deadline)
{
    return now_ms() >= deadline->at_ms;
}

int deadline_wait(const struct deadline *deadline, int descriptor, short events)
{
    struct pollfd wanted = {.fd = descriptor, .events = events};
    for (;;) {
        int64_t left = deadline->at_ms - now_ms();
        if (left <= 0)
            return 0;
        int ready = poll(&wanted, 1, left > POLL_MS_MAX ? POLL_MS_MAX : (int)left);
        if (ready > 0)
            return 1;
        if (ready < 0 && errno != EINTR)
            return -1;
    }
}
