/* Whether a name may stand in a subscription. Each returns NULL, or what is wrong with it. */
#ifndef NISIM_PROVISIONING_NAMES_H
#define NISIM_PROVISIONING_NAMES_H

#include "attributes.h"

/* Any unique text, as an MSISDN. */
MUST_CHECK const char *names_check_user_id(const char *text);

/* A network access identifier, user@realm (TS 23.003 13.3, RFC 7542 2.2). */
MUST_CHECK const char *names_check_impi(const char *text);

/* Username of an account that has SIP digest alone: what may stand before ":" in A1 (RFC 7616). */
MUST_CHECK const char *names_check_username(const char *text);

/* Realm of SIP digest: any text that can stand between quotes. */
MUST_CHECK const char *names_check_realm(const char *text);

/* A SIP or tel URI (TS 23.003 13.4). */
MUST_CHECK const char *names_check_impu(const char *text);

MUST_CHECK const char *names_check_domain(const char *text);

/* A domain name or an IPv4 or IPv6 address (TS 31.103 4.2.8). */
MUST_CHECK const char *names_check_p_cscf(const char *text);

/* Where a browser finds the WWSF. */
MUST_CHECK const char *names_check_webrtc_uri(const char *text);

#endif
