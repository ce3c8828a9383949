/* SIP digest: the response of a password's H(A1) (TS 33.203 annex N, RFC 7616, RFC 8760). */
#ifndef NISIM_KEEPER_ANSWER_SIP_H
#define NISIM_KEEPER_ANSWER_SIP_H

#include "digest_message.h"
#include "work.h"

/* There is no SQN in it: the reply needs no commit. */
void answer_sip_digest(struct work *work, const struct digest_request *request);

#endif
