/*
 * Shows that scrub.c finds a needle: reads one from standard input, then gives it back in the way
 * that the argument names, or "clean" after wiping it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK_BYTES 4096

int main(int argc, char **argv)
{
    const char *how = argc == 2 ? argv[1] : "";
    char *block = NULL;
    char *pages =
        mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    block = malloc(BLOCK_BYTES);
    if (pages == MAP_FAILED || block == NULL)
        return 1;
    char *place = strcmp(how, "unmapped") == 0 ? pages : block;
    if (read(STDIN_FILENO, place + 100, BLOCK_BYTES - 100) < 4)
        return 1;
    if (strcmp(how, "clean") == 0)
        memset(place, 0, BLOCK_BYTES);
    if (strcmp(how, "reallocated") == 0)
        block = realloc(block, (size_t)16 * BLOCK_BYTES);
    if (strcmp(how, "left") == 0)
        _exit(0);
    munmap(pages, BLOCK_BYTES);
    free(block);
    return 0;
}
