/* What an import says: lines that were refused, how far it is, and what came of it. */
#ifndef NISIM_PROVISIONING_IMPORT_REPORT_H
#define NISIM_PROVISIONING_IMPORT_REPORT_H

#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "import_mark.h"

struct import_report {
    const char *path;        /* of what is imported */
    const char *report_path; /* NULL: none */
    FILE *file;
    bool on_terminal;
    bool dry_run;
    bool shown; /* a progress line stands on the terminal */
    uint64_t bytes;
    uint64_t done_before; /* records an earlier run has dealt with */
    uint64_t records;     /* of this run, as are the others */
    uint64_t imported;
    uint64_t refused;
    struct timespec start;
    time_t last;
};

/*
 * `input`: what is imported, which a report must not replace. `done_before`: as below; then the
 * report of the earlier run is added to. The caller closes, also on failure.
 */
MUST_CHECK enum outcome import_report_open(const struct arguments *arguments,
                                           const struct stat *input, uint64_t done_before,
                                           struct import_report *out_report);
MUST_CHECK enum outcome import_report_close(struct import_report *report);

void import_report_refused(struct import_report *report, size_t line, const char *why);

/* At most once a second, and only on a terminal. */
void import_report_progress(struct import_report *report, uint64_t position);

/* For the audit trail's record of how it ended. */
void import_report_tell(const struct import_report *report, const struct import_mark *mark,
                        struct office *office);

/* On standard output. */
MUST_CHECK enum outcome import_report_end(struct import_report *report,
                                          const struct import_mark *mark, bool json);

#endif
