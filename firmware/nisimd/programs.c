#include "programs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The folder of the program that runs; empty when the system does not tell. */
static void find_own_folder(char out_folder[PROGRAM_PATH_BYTES])
{
    ssize_t length = readlink("/proc/self/exe", out_folder, PROGRAM_PATH_BYTES - 1);
    out_folder[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(out_folder, '/');
    if (slash != NULL)
        *slash = '\0';
}

static bool find(const char *folder, const char *name, char out_path[PROGRAM_PATH_BYTES])
{
    int length = snprintf(out_path, PROGRAM_PATH_BYTES, "%s/%s", folder, name);
    return length > 0 && length < PROGRAM_PATH_BYTES && access(out_path, X_OK) == 0;
}

bool programs_find(struct programs *out_programs, const char **out_missing)
{
    static const char *const names[] = {"nisim-keeper", "nisim-front"};
    char *const paths[] = {out_programs->keeper, out_programs->front};
    char own[PROGRAM_PATH_BYTES];
    find_own_folder(own);
    for (size_t i = 0; i < 2; i++) {
        *out_missing = names[i];
        if (!find(own, names[i], paths[i]) && !find(NISIM_LIBEXECDIR, names[i], paths[i]))
            return false;
    }
    return true;
}
