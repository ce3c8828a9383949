/*
 * An AES key in two or three components, each known to one officer alone, which are combined by
 * exclusive or (split knowledge, ANSI X9.24-1). Everything here is in locked pages.
 */
#ifndef NISIM_PROVISIONING_COMPONENTS_H
#define NISIM_PROVISIONING_COMPONENTS_H

#include "office.h"
#include "transport_make.h"

#define COMPONENTS_MAX 3

struct components {
    size_t count;
    struct secret_aes component[COMPONENTS_MAX];
    struct kcv kcvs[COMPONENTS_MAX]; /* as computed; they fit what each officer said */
    struct secret_aes key;
};

/*
 * From --component-file, or from each officer on the terminal without echo, with the token open and
 * proved. Says what is wrong, nothing of a component. NULL in *out_components on failure.
 */
MUST_CHECK enum outcome components_read(struct office *office, const struct arguments *arguments,
                                        struct components **out_components);

/* Wipes. Takes NULL. */
void components_free(struct components **components);

#endif
