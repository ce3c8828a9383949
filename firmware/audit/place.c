#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void audit_segment_path(const char *folder, const char *writer, uint32_t segment,
                        char out_path[AUDIT_PATH_BYTES])
{
    snprintf(out_path, AUDIT_PATH_BYTES, "%s/%s.%u", folder, writer, segment);
}

/* WRITER.NUMBER; false for every other name. */
static bool split(const char *name, char out_writer[AUDIT_WRITER_BYTES], uint32_t *out_segment)
{
    const char *dot = strrchr(name, '.');
    char *end = NULL;
    if (dot == NULL || dot == name || dot[1] < '1' || dot[1] > '9' ||
        (size_t)(dot - name) >= AUDIT_WRITER_BYTES)
        return false;
    errno = 0;
    unsigned long number = strtoul(dot + 1, &end, 10);
    if (errno != 0 || *end != '\0' || number > UINT32_MAX)
        return false;
    memcpy(out_writer, name, (size_t)(dot - name));
    out_writer[dot - name] = '\0';
    *out_segment = (uint32_t)number;
    return true;
}

static bool find_segments(const char *folder, const char *writer, uint32_t *out_first,
                          uint32_t *out_last)
{
    char found[AUDIT_WRITER_BYTES];
    uint32_t segment = 0;
    uint32_t first = 0;
    uint32_t last = 0;
    DIR *listing = opendir(folder);
    if (listing == NULL)
        return false;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (!split(entry->d_name, found, &segment) || strcmp(found, writer) != 0)
            continue;
        first = first == 0 || segment < first ? segment : first;
        last = segment > last ? segment : last;
    }
    closedir(listing);
    *out_first = first;
    *out_last = last;
    return true;
}

bool audit_first_segment(const char *folder, const char *writer, uint32_t *out_segment)
{
    uint32_t last = 0;
    return find_segments(folder, writer, out_segment, &last);
}

bool audit_last_segment(const char *folder, const char *writer, uint32_t *out_segment)
{
    uint32_t first = 0;
    return find_segments(folder, writer, &first, out_segment);
}

bool audit_next_writer(const char *folder, const char *after, char out_writer[AUDIT_WRITER_BYTES])
{
    char found[AUDIT_WRITER_BYTES];
    char least[AUDIT_WRITER_BYTES] = "";
    uint32_t segment = 0;
    DIR *listing = opendir(folder);
    if (listing == NULL)
        return false;
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (split(entry->d_name, found, &segment) && strcmp(found, after) > 0 &&
            (least[0] == '\0' || strcmp(found, least) < 0))
            memcpy(least, found, sizeof least);
    }
    closedir(listing);
    errno = 0;
    if (least[0] == '\0')
        return false;
    memcpy(out_writer, least, sizeof least);
    return true;
}
