#include "import_report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "hex.h"

static double seconds_since(const struct timespec *start)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

/* Takes what is there away only when it is sure what that is. */
static enum outcome open_report(const struct stat *input, struct import_report *report)
{
    const char *path = report->report_path;
    struct stat file = {0};
    report->file = fopen(path, "ae");
    if (report->file == NULL || fstat(fileno(report->file), &file) != 0)
        return outcome_fail(OUTCOME_USAGE, "--report %s: %s", path, strerror(errno));
    if (file.st_dev == input->st_dev && file.st_ino == input->st_ino)
        return outcome_fail(OUTCOME_USAGE, "--report %s is the file to import", path);
    if (report->done_before == 0 && ftruncate(fileno(report->file), 0) != 0 && errno != EINVAL)
        return outcome_fail(OUTCOME_USAGE, "--report %s: %s", path, strerror(errno));
    (void)setvbuf(report->file, NULL, _IOLBF, 0);
    return OUTCOME_DONE;
}

enum outcome import_report_open(const struct arguments *arguments, const struct stat *input,
                                uint64_t done_before, struct import_report *out_report)
{
    *out_report = (struct import_report){.path = arguments->name,
                                         .report_path = arguments->report,
                                         .bytes = (uint64_t)input->st_size,
                                         .done_before = done_before,
                                         .dry_run = arguments->dry_run,
                                         .on_terminal = isatty(STDERR_FILENO) == 1};
    (void)clock_gettime(CLOCK_MONOTONIC, &out_report->start);
    return arguments->report == NULL ? OUTCOME_DONE : open_report(input, out_report);
}

static void clear_line(struct import_report *report)
{
    if (report->shown)
        fputs("\r\033[K", stderr);
    report->shown = false;
}

enum outcome import_report_close(struct import_report *report)
{
    FILE *file = report->file;
    clear_line(report);
    report->file = NULL;
    if (file == NULL)
        return OUTCOME_DONE;
    bool good = ferror(file) == 0;
    if (fclose(file) == 0 && good)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED, "--report %s can't be written: %s", report->report_path,
                        strerror(errno));
}

void import_report_refused(struct import_report *report, size_t line, const char *why)
{
    clear_line(report);
    outcome_warn("%s line %zu: %s", report->path, line, why);
    if (report->file != NULL)
        fprintf(report->file, "%zu: %s\n", line, why);
    report->refused++;
}

void import_report_progress(struct import_report *report, uint64_t position)
{
    struct timespec now = {0};
    if (!report->on_terminal)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec == report->last)
        return;
    report->last = now.tv_sec;
    double seconds = seconds_since(&report->start);
    double part = report->bytes == 0 ? 1 : (double)position / (double)report->bytes;
    double left = part > 0 ? seconds / part * (1 - part) : 0;
    fprintf(stderr, "\r%s%" PRIu64 " lines, %.0f %%, %.0f a second, %.0f s left\033[K",
            report->dry_run ? "checking: " : "", report->done_before + report->records, part * 100,
            (double)report->records / seconds, left);
    report->shown = true;
}

static enum outcome print_json(const struct import_report *report, const struct import_mark *mark,
                               double seconds)
{
    char hash[HEX_TEXT_BYTES(IMPORT_HASH_BYTES)];
    hex_encode(mark->hash, sizeof mark->hash, hash);
    json_t *summary = json_pack(
        "{ss ss sb sb sI sI sI sI sf}", "file", report->path, "sha256", hash, "dry_run",
        report->dry_run, "complete", mark->complete, "done_before", (json_int_t)report->done_before,
        "records", (json_int_t)report->records, "imported", (json_int_t)report->imported, "refused",
        (json_int_t)report->refused, "seconds", seconds);
    if (summary == NULL || json_dumpf(summary, stdout, JSON_INDENT(2)) != 0) {
        json_decref(summary);
        return outcome_fail(OUTCOME_FAILED, "the summary can't be written");
    }
    json_decref(summary);
    putchar('\n');
    return OUTCOME_DONE;
}

void import_report_tell(const struct import_report *report, const struct import_mark *mark,
                        struct office *office)
{
    char hash[HEX_TEXT_BYTES(IMPORT_HASH_BYTES)];
    hex_encode(mark->hash, sizeof mark->hash, hash);
    act_tell(office,
             "%s%" PRIu64 " subscribers, %" PRIu64 " lines refused, behind %" PRIu64
             " of an earlier run; file SHA-256 %s",
             report->dry_run ? "dry run: " : "", report->imported, report->refused,
             report->done_before, hash);
}

enum outcome import_report_end(struct import_report *report, const struct import_mark *mark,
                               bool json)
{
    double seconds = seconds_since(&report->start);
    clear_line(report);
    if (json)
        return print_json(report, mark, seconds);
    if (report->done_before > 0)
        printf("%s: went on behind %" PRIu64 " lines that an earlier run dealt with\n",
               report->path, report->done_before);
    printf("%s: %" PRIu64 " %s, %" PRIu64 " refused; %.1f s, %.0f a second\n", report->path,
           report->imported, report->dry_run ? "would go in" : "imported", report->refused, seconds,
           seconds > 0 ? (double)report->records / seconds : 0);
    return OUTCOME_DONE;
}
