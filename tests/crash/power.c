/*
 * A disk that can lose power: preloaded into every process of an appliance, it writes down in a
 * journal what they do to the files of one folder and of those in it, and which of it they were
 * told is durable. From
 * the journal power.py makes the folder as a power cut would have left it. Files are changed for
 * real, so processes see each other's writes as through the page cache; nothing is synced for real.
 *
 * NISIM_POWER_FOLDER names the folder, NISIM_POWER_JOURNAL the journal, a file of zeros. Not kept:
 * NAME-shm (mapped, and rebuilt by SQLite after a crash), NAME-turn and NAME.lock (only locked).
 */
#undef _FORTIFY_SOURCE /* its functions would be several ones of the name that we stand in for */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))
#define NAME_BYTES 128
#define FILES_MAX 1024
#define RECORD_MAGIC UINT32_C(0x504f5752)
#define RECORD_ALIGN 64
#define HEAD_BYTES 4096

/* Mirrored by power.py, as is struct record. */
struct head {
    _Atomic uint64_t used;    /* bytes of records reserved */
    _Atomic uint64_t cut;     /* 1: the power is gone, whoever changes a file dies */
    _Atomic int64_t fuse;     /* records until the cut; below 1: no such */
    _Atomic uint64_t fuse_of; /* 0: any record; 1: those that write the database file itself */
    _Atomic uint64_t busy;    /* changes made and not yet written down */
    _Atomic uint64_t sync_us; /* what a sync takes */
};

enum kind {
    KIND_WRITE = 1,
    KIND_TRUNCATE, /* offset: the new size */
    KIND_SYNC,     /* what lies below `offset` in the journal is durable */
    KIND_CREATE,
    KIND_UNLINK,
    KIND_SYNC_FOLDER, /* as KIND_SYNC, for the names of files in the folder `name` */
};

struct record {
    _Atomic uint32_t magic; /* stored last */
    uint32_t kind;
    uint64_t inode;
    uint64_t offset;
    uint64_t length;       /* bytes that follow */
    char name[NAME_BYTES]; /* its path in the folder; "" is the folder itself */
};

struct tracked {
    bool is_file;
    bool is_folder;
    uint64_t inode;
    char name[NAME_BYTES];
};

static struct head *head;
static uint8_t *records;
static size_t room;
static char folder[256];
static struct tracked table[FILES_MAX];

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

/* Functions and data are not one type in C. */
#define REAL(name)                 \
    __typeof__(name) *name##_real; \
    *(void **)&name##_real = real(#name)

static void die(void)
{
    for (;;)
        kill(getpid(), SIGKILL);
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("NISIM_POWER_JOURNAL");
    const char *where = getenv("NISIM_POWER_FOLDER");
    struct stat status;
    if (path == NULL || where == NULL)
        return;
    int descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &status) != 0 || status.st_size <= HEAD_BYTES)
        abort();
    void *map =
        mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (map == MAP_FAILED)
        abort();
    close(descriptor);
    snprintf(folder, sizeof folder, "%s", where);
    room = (size_t)status.st_size - HEAD_BYTES;
    records = (uint8_t *)map + HEAD_BYTES;
    head = map;
}

static struct tracked *tracked_of(int descriptor)
{
    if (head == NULL || descriptor < 0 || descriptor >= FILES_MAX)
        return NULL;
    struct tracked *tracked = &table[descriptor];
    return tracked->is_file || tracked->is_folder ? tracked : NULL;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name);
    size_t end_length = strlen(end);
    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* The path in the folder of what is kept; NULL: something else. */
static const char *kept_name(const char *path)
{
    size_t length = strlen(folder);
    if (head == NULL || strncmp(path, folder, length) != 0)
        return NULL;
    if (path[length] == '\0')
        return path + length;
    const char *name = path + length + 1;
    bool skip = path[length] != '/' || ends_with(name, "-shm") || ends_with(name, "-turn") ||
                ends_with(name, ".lock") || strlen(name) >= NAME_BYTES;
    return skip ? NULL : name;
}

/* Every change begins here: without power there is none. */
static void begin(void)
{
    atomic_fetch_add(&head->busy, 1);
    if (atomic_load(&head->cut) != 0) {
        atomic_fetch_sub(&head->busy, 1);
        die();
    }
}

static bool burns_fuse(enum kind kind, const char *name)
{
    if (atomic_load(&head->fuse_of) == 0)
        return true;
    return kind == KIND_WRITE && ends_with(name, ".db");
}

static void end(enum kind kind, const struct tracked *of, uint64_t offset, const void *data,
                size_t length)
{
    size_t bytes =
        (sizeof(struct record) + length + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
    uint64_t at = atomic_fetch_add(&head->used, bytes);
    if (at + bytes > room)
        abort();
    struct record *record = (struct record *)(void *)(records + at);
    record->kind = kind;
    record->inode = of->inode;
    record->offset = offset;
    record->length = length;
    memcpy(record->name, of->name, sizeof record->name);
    if (length > 0)
        memcpy(record + 1, data, length);
    atomic_store(&record->magic, RECORD_MAGIC);
    bool burnt = burns_fuse(kind, of->name) && atomic_fetch_sub(&head->fuse, 1) == 1;
    if (burnt)
        atomic_store(&head->cut, 1);
    atomic_fetch_sub(&head->busy, 1);
    if (burnt)
        die();
}

/* What is open at `descriptor` now; NULL: none of ours, or it can't be told. */
static struct tracked *track(int descriptor, const char *name)
{
    struct stat status;
    if (descriptor < 0 || descriptor >= FILES_MAX)
        return NULL;
    struct tracked *tracked = &table[descriptor];
    *tracked = (struct tracked){0};
    if (name == NULL || fstat(descriptor, &status) != 0)
        return NULL;
    tracked->inode = status.st_ino;
    tracked->is_folder = S_ISDIR(status.st_mode);
    tracked->is_file = !tracked->is_folder;
    snprintf(tracked->name, sizeof tracked->name, "%s", name);
    return tracked;
}

static int open_with(int (*real_open)(const char *, int, ...), const char *path, int flags,
                     mode_t mode)
{
    const char *name = kept_name(path);
    bool is_new = name != NULL && (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
    bool changes = is_new || (name != NULL && (flags & O_TRUNC) != 0);
    if (changes)
        begin();
    int descriptor = real_open(path, flags, mode);
    const struct tracked *tracked = track(descriptor, name);
    if (changes && tracked == NULL)
        atomic_fetch_sub(&head->busy, 1);
    else if (changes)
        end(is_new ? KIND_CREATE : KIND_TRUNCATE, tracked, 0, NULL, 0);
    return descriptor;
}

EXPORTED int open(const char *path, int flags, ...)
{
    REAL(open);
    va_list values;
    va_start(values, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(values, mode_t) : 0;
    va_end(values);
    return open_with(open_real, path, flags, mode);
}

EXPORTED int open64(const char *path, int flags, ...)
{
    REAL(open64);
    va_list values;
    va_start(values, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(values, mode_t) : 0;
    va_end(values);
    return open_with(open64_real, path, flags, mode);
}

EXPORTED int close(int descriptor)
{
    REAL(close);
    if (descriptor >= 0 && descriptor < FILES_MAX)
        table[descriptor] = (struct tracked){0};
    return close_real(descriptor);
}

EXPORTED ssize_t write(int descriptor, const void *data, size_t length)
{
    REAL(write);
    const struct tracked *tracked = tracked_of(descriptor);
    if (tracked == NULL)
        return write_real(descriptor, data, length);
    begin();
    ssize_t done = write_real(descriptor, data, length);
    size_t changed = done > 0 ? (size_t)done : 0;
    uint64_t after = (uint64_t)lseek(descriptor, 0, SEEK_CUR);
    end(KIND_WRITE, tracked, after - changed, data, changed);
    return done;
}

EXPORTED ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset)
{
    REAL(pwrite64);
    const struct tracked *tracked = tracked_of(descriptor);
    if (tracked == NULL)
        return pwrite64_real(descriptor, data, length, offset);
    begin();
    ssize_t done = pwrite64_real(descriptor, data, length, offset);
    end(KIND_WRITE, tracked, (uint64_t)offset, data, done > 0 ? (size_t)done : 0);
    return done;
}

EXPORTED ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset)
{
    return pwrite64(descriptor, data, length, offset);
}

EXPORTED int ftruncate64(int descriptor, off64_t size)
{
    REAL(ftruncate64);
    const struct tracked *tracked = tracked_of(descriptor);
    if (tracked == NULL)
        return ftruncate64_real(descriptor, size);
    begin();
    int rc = ftruncate64_real(descriptor, size);
    end(rc == 0 ? KIND_TRUNCATE : KIND_WRITE, tracked, (uint64_t)size, NULL, 0);
    return rc;
}

EXPORTED int ftruncate(int descriptor, off_t size)
{
    return ftruncate64(descriptor, size);
}

EXPORTED int unlink(const char *path)
{
    REAL(unlink);
    const char *name = kept_name(path);
    struct stat status;
    if (name == NULL || stat(path, &status) != 0)
        return unlink_real(path);
    struct tracked gone = {.inode = status.st_ino};
    snprintf(gone.name, sizeof gone.name, "%s", name);
    begin();
    int rc = unlink_real(path);
    end(KIND_UNLINK, &gone, 0, NULL, 0);
    return rc;
}

/* What another process writes meanwhile may miss this sync: only what was there before counts. */
static int sync_tracked(const struct tracked *tracked)
{
    uint64_t below = atomic_load(&head->used);
    uint64_t us = atomic_load(&head->sync_us);
    const struct timespec pause = {.tv_nsec = (long)us * 1000};
    if (us > 0)
        nanosleep(&pause, NULL);
    begin();
    end(tracked->is_folder ? KIND_SYNC_FOLDER : KIND_SYNC, tracked, below, NULL, 0);
    return 0;
}

EXPORTED int fsync(int descriptor)
{
    REAL(fsync);
    const struct tracked *tracked = tracked_of(descriptor);
    return tracked == NULL ? fsync_real(descriptor) : sync_tracked(tracked);
}

EXPORTED int fdatasync(int descriptor)
{
    REAL(fdatasync);
    const struct tracked *tracked = tracked_of(descriptor);
    return tracked == NULL ? fdatasync_real(descriptor) : sync_tracked(tracked);
}
