#include "card_session.h"

#include "secret.h"

void card_session_reset(struct card_session *session)
{
    secret_wipe(session, sizeof *session);
    session->channels[0].is_open = true;
}
