/* Feeds each file of the folders named to a fuzzer, in memory of its exact size. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int feed(const char *folder, const char *name)
{
    char path[1024];
    struct stat status;
    uint8_t *bytes = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    int rc = file != NULL && fstat(fileno(file), &status) == 0 ? 0 : -1;
    if (rc == 0) {
        size_t length = (size_t)status.st_size;
        bytes = malloc(length);
        if (bytes == NULL || fread(bytes, 1, length, file) != length)
            rc = -1;
    }
    if (rc == 0)
        LLVMFuzzerTestOneInput(bytes, (size_t)status.st_size);
    else
        perror(path);
    if (file != NULL)
        fclose(file);
    free(bytes);
    return rc;
}

static int replay(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_seed, alphasort);
    int rc = count > 0 ? 0 : -1;
    for (int i = 0; i < count; i++) {
        if (feed(folder, entries[i]->d_name) != 0)
            rc = -1;
        free(entries[i]);
    }
    free(entries);
    printf("%s: %d files\n", folder, count);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = argc > 1 ? 0 : -1;
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != 0)
            rc = -1;
    }
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
