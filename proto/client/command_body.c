/* The body of a SIP answer, from a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#define BODY_BYTES_MAX ((size_t)1 << 20)

/* NULL: errno, EFBIG when it is too long. */
static char *read_all(FILE *file, size_t *out_bytes)
{
    char *body = malloc(BODY_BYTES_MAX + 1);
    if (body == NULL)
        return NULL;
    errno = 0;
    *out_bytes = fread(body, 1, BODY_BYTES_MAX + 1, file);
    if (ferror(file) == 0 && *out_bytes <= BODY_BYTES_MAX)
        return body;
    if (ferror(file) == 0)
        errno = EFBIG;
    free(body);
    return NULL;
}

bool command_read_body(struct command *command)
{
    if (command->answer_file == NULL)
        return true;
    FILE *file = fopen(command->answer_file, "rbe");
    if (file != NULL) {
        command->answer_body = read_all(file, &command->answer_body_bytes);
        int saved = errno;
        fclose(file);
        errno = saved;
    }
    if (command->answer_body != NULL)
        return true;
    fprintf(stderr, "nisim: --answer-body %s: %s\n", command->answer_file,
            errno == EFBIG ? "longer than 1 MiB" : strerror(errno));
    return false;
}
