#include "laboratory.h"

enum hsm_result laboratory_find(struct token *token, bool *out_is_laboratory)
{
    char label[] = LABORATORY_LABEL;
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_HANDLE mark = CK_INVALID_HANDLE;
    CK_ATTRIBUTE fit[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_PRIVATE, &yes, sizeof yes},
                          {CKA_LABEL, label, sizeof label - 1}};
    enum hsm_result rc = token_find_one(token, fit, sizeof fit / sizeof fit[0], &mark);
    if (rc == HSM_OK || rc == HSM_REFUSED || rc == HSM_NO_KEY)
        *out_is_laboratory = rc != HSM_NO_KEY;
    return rc == HSM_REFUSED || rc == HSM_NO_KEY ? HSM_OK : rc;
}
