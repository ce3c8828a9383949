#include "segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ROOM_BYTES ((uint64_t)1 << 20) /* some hundred full batches of a keeper */

bool segment_file_open(struct segment_file *file, const char *path, uint64_t end)
{
    file->descriptor = open(path, O_WRONLY | O_CLOEXEC);
    file->has_leftover = false;
    file->size = end;
    return file->descriptor >= 0 && ftruncate(file->descriptor, (off_t)end) == 0;
}

bool segment_file_make(struct segment_file *file, const char *path)
{
    file->descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    file->has_leftover = false;
    file->size = 0;
    return file->descriptor >= 0;
}

void segment_file_close(struct segment_file *file, uint64_t end)
{
    if (file->descriptor < 0)
        return;
    /* Where it fails, zeros or what nobody confirmed stay: who opens the trail next cuts them off.
     */
    if ((file->has_leftover || file->size > end) && ftruncate(file->descriptor, (off_t)end) != 0)
        errno = 0;
    close(file->descriptor);
    file->descriptor = -1;
}

static bool write_all(int descriptor, uint64_t at, const uint8_t *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t wrote = pwrite(descriptor, data + done, bytes - done, (off_t)(at + done));
        if (wrote < 0 && errno != EINTR)
            return false;
        done += wrote < 0 ? 0 : (size_t)wrote;
    }
    return true;
}

/* Where there is no place for it there may be for the records: then they go without. */
static bool make_room(struct segment_file *file)
{
    static const uint8_t zeros[16384];
    const uint64_t end = file->size;
    while (file->size < end + ROOM_BYTES) {
        if (!write_all(file->descriptor, file->size, zeros, sizeof zeros)) {
            file->size = end;
            return ftruncate(file->descriptor, (off_t)end) == 0;
        }
        file->size += sizeof zeros;
    }
    return true;
}

static bool write_durably(struct segment_file *file, uint64_t end, const uint8_t *data,
                          size_t bytes)
{
    uint64_t new_end = end + bytes;
    if (!write_all(file->descriptor, end, data, bytes))
        return false;
    if (new_end > file->size) {
        file->size = new_end;
        if (file->makes_room && !make_room(file))
            return false;
    }
    return fdatasync(file->descriptor) == 0;
}

bool segment_file_write(struct segment_file *file, uint64_t end, const uint8_t *data, size_t bytes)
{
    if (file->has_leftover) {
        if (ftruncate(file->descriptor, (off_t)end) != 0)
            return false;
        file->size = end;
    }
    file->has_leftover = true;
    if (!write_durably(file, end, data, bytes))
        return false;
    file->has_leftover = false;
    return true;
}
