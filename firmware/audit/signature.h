/* What a checkpoint signs, and whether a signature is right: ECDSA P-256, SHA-256. */
#ifndef NISIM_AUDIT_SIGNATURE_H
#define NISIM_AUDIT_SIGNATURE_H

#include "place.h"

#define AUDIT_STATEMENT_BYTES 256
#define AUDIT_POINT_BYTES 65

/* The text that is signed, five lines: anybody can make it from an export. */
void audit_statement(const char *writer, uint64_t sequence, uint64_t time_ms,
                     const uint8_t chain[AUDIT_CHAIN_BYTES], char out_text[AUDIT_STATEMENT_BYTES]);

/* SHA-256 of a text. */
MUST_CHECK bool audit_digest(const char *text, uint8_t out_digest[AUDIT_CHAIN_BYTES]);

#endif
