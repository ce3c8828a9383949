/*
 * A file of subscribers, whatever its format: every row is read, and a good one has only names that
 * may stand in a subscription.
 */
#ifndef NISIM_FUZZ_IMPORT_H
#define NISIM_FUZZ_IMPORT_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "import_source.h"
#include "import_terms.h"
#include "names.h"

static inline void read_all(struct import_source *source, struct import_row *row,
                            struct import_terms *terms, size_t step)
{
    char why[IMPORT_WHY_BYTES] = "";
    enum import_got got = IMPORT_GOT_ROW;
    size_t line = 0;
    while ((got = source->next(source->context, row, why)) == IMPORT_GOT_ROW ||
           got == IMPORT_GOT_BAD) {
        assert(row->line >= line + step);
        line = row->line;
        if (got == IMPORT_GOT_BAD || !import_terms_of(row, line % 2 == 0, terms, why)) {
            assert(memchr(why, '\0', sizeof why) != NULL && why[0] != '\0');
            continue;
        }
        assert(names_check_impi(terms->arguments.impi) == NULL);
        assert(names_check_domain(terms->arguments.domain) == NULL);
        assert(terms->k.bytes >= 16 && terms->op.bytes >= 16);
    }
}

/* `open` is import_csv_open or import_pskc_open; a row's line is `step` more than the last, at
 * least. */
typedef bool import_open(int file, struct import_source *out_source,
                         char out_why[IMPORT_WHY_BYTES]);

static inline int fuzz_import(const uint8_t *bytes, size_t length, import_open *open, size_t step)
{
    char why[IMPORT_WHY_BYTES] = "";
    struct import_source source;
    struct import_row *row = calloc(1, sizeof *row);
    struct import_terms *terms = calloc(1, sizeof *terms);
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    if (row != NULL && terms != NULL && file >= 0 &&
        write(file, bytes, length) == (ssize_t)length && lseek(file, 0, SEEK_SET) == 0 &&
        open(file, &source, why)) {
        read_all(&source, row, terms, step);
        source.close(source.context);
    }
    close(file);
    free(row);
    free(terms);
    return 0;
}

#endif
