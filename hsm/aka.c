#include "aka.h"

#include <string.h>

/* AUTN = SQN xor AK (6) || AMF (2) || MAC-A (8) (TS 33.102 6.3.2). */
#define AUTN_AMF 6
#define AUTN_MAC 8

static void xor_sqn(const uint8_t a[6], const uint8_t b[6], uint8_t out[6])
{
    for (size_t i = 0; i < 6; i++)
        out[i] = a[i] ^ b[i];
}

/* AUTS = SQN_MS xor AK* || f1*(SQN_MS || RAND || AMF*), AMF* = 0 (TS 33.102 6.3.3). */
static enum hsm_result make_auts(const struct cipher *cipher, const struct milenage *milenage,
                                 uint64_t sqn_ms, uint8_t out_auts[AKA_AUTS_BYTES])
{
    static const uint8_t amf_star[MILENAGE_AMF_BYTES];
    ERASED(secret64) struct secret64 mac_a = {0};
    struct secret64 mac_s = {0};
    uint8_t sqn[6] = {0};
    sqn_to_bytes(sqn_ms, sqn);
    enum hsm_result rc = milenage_f1(cipher, milenage, sqn, amf_star, &mac_a, &mac_s);
    if (rc != HSM_OK)
        return rc;
    xor_sqn(sqn, milenage->ak_star, out_auts);
    memcpy(out_auts + 6, mac_s.bytes, sizeof mac_s);
    return HSM_OK;
}

static enum hsm_result check_mac(const struct cipher *cipher, const struct milenage *milenage,
                                 const uint8_t sqn[6], const uint8_t autn[16], bool *out_right)
{
    ERASED(secret64) struct secret64 mac_a = {0};
    ERASED(secret64) struct secret64 mac_s = {0};
    enum hsm_result rc = milenage_f1(cipher, milenage, sqn, autn + AUTN_AMF, &mac_a, &mac_s);
    if (rc == HSM_OK)
        *out_right = secret_equal(mac_a.bytes, autn + AUTN_MAC, sizeof mac_a);
    return rc;
}

static enum hsm_result answer_fresh(const struct cipher *cipher, const struct milenage *milenage,
                                    uint64_t sqn, const struct sqn_profile *profile,
                                    const struct sqn_array *array, struct aka_answer *answer)
{
    answer->sqn = sqn;
    if (!sqn_accept(profile, array, sqn, &answer->array)) {
        answer->outcome = AKA_SYNC_FAILURE;
        return make_auts(cipher, milenage, sqn_highest(profile, array), answer->auts);
    }
    answer->outcome = AKA_ACCEPTED;
    answer->res = milenage->res;
    answer->ck = milenage->ck;
    answer->ik = milenage->ik;
    return HSM_OK;
}

enum hsm_result aka_answer_challenge(const struct cipher *cipher, const struct secret128 *opc,
                                     const uint8_t rand[16], const uint8_t autn[16],
                                     const struct sqn_profile *profile,
                                     const struct sqn_array *array, struct aka_answer *out)
{
    ERASED(milenage) struct milenage milenage = {0};
    ERASED(aka_answer) struct aka_answer answer = {.outcome = AKA_MAC_FAILURE};
    uint8_t sqn[6] = {0};
    bool mac_right = false;

    enum hsm_result rc = milenage_begin(cipher, opc, rand, &milenage);
    if (rc != HSM_OK)
        goto out;
    xor_sqn(autn, milenage.ak, sqn);
    rc = check_mac(cipher, &milenage, sqn, autn, &mac_right);
    if (rc != HSM_OK)
        goto out;
    if (mac_right)
        rc = answer_fresh(cipher, &milenage, sqn_from_bytes(sqn), profile, array, &answer);
out:
    secret_wipe(sqn, sizeof sqn);
    if (rc != HSM_OK)
        aka_answer_erase(out);
    else
        *out = answer;
    return rc;
}
