/*
 * For LD_PRELOAD: what is given back to the system must hold no secret. Looks for needles in all
 * that is freed, reallocated or unmapped, and at the end in all memory that is left. Needles are
 * in the file SCRUB_NEEDLES, a name and hex digits a line; findings go to the file SCRUB_REPORT.
 * Needles are kept inverted, so that they are not found here.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))
#define NEEDLES_MAX 4096
#define NEEDLE_BYTES_MAX 64
#define FILE_BYTES_MAX (NEEDLES_MAX * 64)
#define PART_BYTES 65536
#define MAPS_BYTES_MAX 262144
#define FRAMES_MAX 24
#define REPORT_DESCRIPTOR_LEAST 300 /* far from those that the warden places */

/* glibc's own, which the functions here stand before. */
void *__libc_malloc(size_t bytes);
void __libc_free(void *memory);

struct needle {
    char name[32];
    size_t length;
    uint8_t inverted[NEEDLE_BYTES_MAX];
    int next; /* with the same first two octets, or -1 */
};

static struct needle needles[NEEDLES_MAX];
static int needle_count;
static int first_of[65536]; /* index into needles plus 1, by the first two octets */
static int report = -1;
static int memory = -1;
static uint8_t part[PART_BYTES + NEEDLE_BYTES_MAX];
static char text[MAPS_BYTES_MAX];
static __thread bool busy __attribute__((tls_model("initial-exec")));

static void wipe(void *bytes, size_t length)
{
    memset(bytes, 0, length);
    __asm__ volatile("" : : "r"(bytes) : "memory");
}

static size_t read_file(const char *path, char *buffer, size_t room)
{
    size_t used = 0;
    ssize_t got = 1;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && got > 0 && used < room - 1) {
        got = read(file, buffer + used, room - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (file >= 0)
        close(file);
    buffer[used] = '\0';
    return used;
}

static unsigned digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static void keep(const char *name, size_t name_length, const char *hex, size_t digits)
{
    struct needle *needle = &needles[needle_count];
    size_t length = digits / 2;
    if (needle_count == NEEDLES_MAX || length < 4 || length > NEEDLE_BYTES_MAX)
        abort();
    snprintf(needle->name, sizeof needle->name, "%.*s", (int)name_length, name);
    needle->length = length;
    for (size_t i = 0; i < length; i++)
        needle->inverted[i] = (uint8_t) ~(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    unsigned start = (unsigned)(needle->inverted[0] << 8 | needle->inverted[1]) ^ 0xffffU;
    needle->next = first_of[start] - 1;
    first_of[start] = ++needle_count;
}

static void read_needles(const char *path)
{
    static char file[FILE_BYTES_MAX];
    const char *at = file;
    if (read_file(path, file, sizeof file) == 0)
        abort();
    while (*at != '\0') {
        size_t name = strcspn(at, " \n");
        const char *hex = at + name + strspn(at + name, " ");
        size_t digits = strcspn(hex, "\n");
        keep(at, name, hex, digits);
        at = hex + digits + strspn(hex + digits, "\n");
    }
    wipe(file, sizeof file);
}

/* The needle that is at `bytes`, or NULL. */
static const struct needle *needle_at(const uint8_t *bytes, size_t left)
{
    for (int i = first_of[bytes[0] << 8 | bytes[1]] - 1; i >= 0; i = needles[i].next) {
        size_t same = 0;
        while (same < needles[i].length && same < left &&
               (bytes[same] ^ needles[i].inverted[same]) == 0xff)
            same++;
        if (same == needles[i].length)
            return &needles[i];
    }
    return NULL;
}

static void tell(const char *how, const struct needle *needle, const void *where)
{
    void *frames[FRAMES_MAX];
    char line[160];
    int length =
        snprintf(line, sizeof line, "%s %s %ld %s %p\n", how, program_invocation_short_name,
                 (long)getpid(), needle == NULL ? "-" : needle->name, where);
    if (length > 0 && write(report, line, (size_t)length) != length)
        abort();
    if (needle != NULL)
        backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), report);
}

/* One finding for each place is enough. */
static void search(const char *how, const uint8_t *bytes, size_t length, const void *where)
{
    const struct needle *found = NULL;
    for (size_t at = 0; at + 1 < length && found == NULL; at++)
        found = needle_at(bytes + at, length - at);
    if (found != NULL)
        tell(how, found, where);
}

static void search_block(const char *how, void *block)
{
    if (report < 0 || busy || block == NULL)
        return;
    busy = true;
    search(how, block, malloc_usable_size(block), block);
    busy = false;
}

/* By way of /proc/self/mem: what can't be read does no harm. A needle may lie across two parts. */
static void search_range(const char *how, uint64_t start, uint64_t end)
{
    const uint64_t own = (uintptr_t)part;
    for (uint64_t at = start; at < end; at += PART_BYTES) {
        size_t wanted = end - at < sizeof part ? (size_t)(end - at) : sizeof part;
        if (at < own + sizeof part && own < at + wanted)
            continue;
        ssize_t got = pread(memory, part, wanted, (off_t)at);
        if (got > 0)
            search(how, part, (size_t)got, (void *)(uintptr_t)at);
    }
    wipe(part, sizeof part);
}

/* Not the stack: a signal, such as the one that ended us, saves the vector registers there. */
static void search_all_that_is_left(void)
{
    char *line = text;
    char *rest = NULL;
    if (report < 0 || busy)
        return;
    busy = true;
    if (read_file("/proc/self/maps", text, sizeof text) > 0)
        line = strtok_r(text, "\n", &rest);
    while (line != NULL && *line != '\0') {
        uint64_t start = 0;
        uint64_t end = 0;
        char rights[5] = "";
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, rights) == 3 &&
            rights[1] == 'w' && strstr(line, "[stack]") == NULL)
            search_range("left", start, end);
        line = strtok_r(NULL, "\n", &rest);
    }
    tell("end", NULL, NULL);
    busy = false;
}

__attribute__((constructor)) static void begin(void)
{
    void *frames[1];
    const char *from = getenv("SCRUB_NEEDLES");
    const char *to = getenv("SCRUB_REPORT");
    if (from == NULL || to == NULL)
        return;
    busy = true;
    (void)backtrace(frames, 1); /* loads what it needs while that is still allowed */
    read_needles(from);
    memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    int file = open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    report = fcntl(file, F_DUPFD_CLOEXEC, REPORT_DESCRIPTOR_LEAST);
    close(file);
    if (memory < 0 || report < 0)
        abort();
    tell("begin", NULL, NULL);
    busy = false;
}

__attribute__((destructor)) static void finish(void)
{
    search_all_that_is_left();
}

EXPORTED void free(void *block)
{
    int saved = errno;
    search_block("freed", block);
    __libc_free(block);
    errno = saved;
}

/* Always moves, so that what a block leaves behind is seen. */
EXPORTED void *realloc(void *block, size_t bytes)
{
    void *moved = __libc_malloc(bytes == 0 ? 1 : bytes);
    if (moved == NULL || block == NULL)
        return moved;
    size_t had = malloc_usable_size(block);
    memcpy(moved, block, had < bytes ? had : bytes);
    search_block("reallocated", block);
    __libc_free(block);
    return moved;
}

EXPORTED int munmap(void *start, size_t length)
{
    if (report >= 0 && !busy) {
        busy = true;
        search_range("unmapped", (uintptr_t)start, (uintptr_t)start + length);
        busy = false;
    }
    return (int)syscall(SYS_munmap, start, length);
}

/* The keeper ends so, and no destructor runs then. */
EXPORTED void _exit(int status)
{
    search_all_that_is_left();
    for (;;)
        syscall(SYS_exit_group, status);
}
