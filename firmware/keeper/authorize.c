#include "authorize.h"

enum status authorize_subscriber(const struct client *client,
                                 const struct subscription *subscription)
{
    if (!client_may_ask_domain(client, subscription->identity.domain))
        return STATUS_UNKNOWN_USER;
    return subscription->enabled ? STATUS_OK : STATUS_USER_DISABLED;
}

enum status authorize_form(const struct client *client, enum answer_form form)
{
    return (client->forms & FORM_BIT(form)) != 0 ? STATUS_OK : STATUS_FORM_NOT_ALLOWED;
}
