#include "status.h"

#include <stddef.h>

struct status_row {
    uint8_t code;
    const char *name;
    const char *text;
};

static const struct status_row rows[] = {
#define STATUS(name, code, text) {(code), #name, (text)},
#include "messages.def"
};

static const struct status_row *row_of(uint8_t status)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].code == status)
            return &rows[i];
    }
    return NULL;
}

enum status_class status_class(uint8_t status)
{
    uint8_t class = status >> 4;
    return class <= STATUS_CLASS_BROKEN ? (enum status_class) class : STATUS_CLASS_BROKEN;
}

const char *status_name(uint8_t status)
{
    const struct status_row *row = row_of(status);
    return row == NULL ? "UNKNOWN_STATUS" : row->name;
}

const char *status_text(uint8_t status)
{
    const struct status_row *row = row_of(status);
    return row == NULL ? "a status this program does not know" : row->text;
}
