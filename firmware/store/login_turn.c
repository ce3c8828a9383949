#include "login_turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 5000

/* A lock that root made beside the appliance's store would keep the appliance out. */
static bool is_own(const char *store_path)
{
    struct stat status;
    return stat(store_path, &status) == 0 && status.st_uid == geteuid();
}

void login_turn_take(struct turn *turn, const char *store_path)
{
    char *path = NULL;
    *turn = (struct turn){0};
    if (store_path == NULL || !is_own(store_path) || asprintf(&path, "%s-login", store_path) < 0)
        return;
    if (turn_open(turn, path) && !turn_take(turn, WAIT_MS))
        turn_close(turn);
    free(path);
}

void login_turn_give(struct turn *turn)
{
    turn_close(turn);
}
