/* Who may have what about whom: the one place where that is decided (DESIGN 4). */
#ifndef NISIM_KEEPER_AUTHORIZE_H
#define NISIM_KEEPER_AUTHORIZE_H

#include "config.h"
#include "subscription.h"

/*
 * May this client ask about this subscriber? STATUS_OK; UNKNOWN_USER for one outside its domains,
 * so that nobody learns who else is served here; USER_DISABLED.
 */
MUST_CHECK enum status authorize_subscriber(const struct client *client,
                                            const struct subscription *subscription);

/* May this client have answers of this form? STATUS_OK or FORM_NOT_ALLOWED. */
MUST_CHECK enum status authorize_form(const struct client *client, enum answer_form form);

#endif
