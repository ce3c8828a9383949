#include "login_turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WAIT_MS 5000

void login_turn_take(struct turn *turn, const char *store_path)
{
    char *path = NULL;
    *turn = (struct turn){0};
    if (store_path == NULL || access(store_path, F_OK) != 0 ||
        asprintf(&path, "%s-login", store_path) < 0)
        return;
    if (turn_open(turn, path) && !turn_take(turn, WAIT_MS))
        turn_close(turn);
    free(path);
}

void login_turn_give(struct turn *turn)
{
    turn_close(turn);
}
