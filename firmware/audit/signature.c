#include "signature.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"

void audit_statement(const char *writer, uint64_t sequence, uint64_t time_ms,
                     const uint8_t chain[AUDIT_CHAIN_BYTES], char out_text[AUDIT_STATEMENT_BYTES])
{
    char hex[HEX_TEXT_BYTES(AUDIT_CHAIN_BYTES)];
    hex_encode(chain, AUDIT_CHAIN_BYTES, hex);
    snprintf(out_text, AUDIT_STATEMENT_BYTES,
             "nisim audit checkpoint\nwriter %s\nrecord %llu\ntime %llu\nchain %s\n", writer,
             (unsigned long long)sequence, (unsigned long long)time_ms, hex);
}

bool audit_digest(const char *text, uint8_t out_digest[AUDIT_CHAIN_BYTES])
{
    size_t length = 0;
    return EVP_Q_digest(NULL, "SHA256", NULL, text, strlen(text), out_digest, &length) == 1 &&
           length == AUDIT_CHAIN_BYTES;
}
