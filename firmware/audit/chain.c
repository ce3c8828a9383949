#include "chain.h"

#include <openssl/evp.h>
#include <string.h>

bool audit_chain_open(struct audit_chain *chain)
{
    *chain = (struct audit_chain){.method = EVP_MD_fetch(NULL, "SHA256", NULL)};
    chain->context = EVP_MD_CTX_new();
    return chain->method != NULL && chain->context != NULL;
}

void audit_chain_close(struct audit_chain *chain)
{
    EVP_MD_CTX_free(chain->context);
    EVP_MD_free(chain->method);
    *chain = (struct audit_chain){0};
}

bool audit_chain_step(struct audit_chain *chain, const uint8_t *body, size_t bytes)
{
    uint8_t value[AUDIT_CHAIN_BYTES];
    if (EVP_DigestInit_ex2(chain->context, chain->method, NULL) != 1 ||
        EVP_DigestUpdate(chain->context, chain->value, sizeof chain->value) != 1 ||
        EVP_DigestUpdate(chain->context, body, bytes) != 1 ||
        EVP_DigestFinal_ex(chain->context, value, NULL) != 1)
        return false;
    memcpy(chain->value, value, sizeof value);
    return true;
}
