#include "home.h"

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "milenage.h"
#include "sqn.h"
#include "text.h"

static enum hsm_result encrypt(void *context, const uint8_t *in, uint8_t *out, size_t blocks)
{
    int length = (int)(blocks * CIPHER_BLOCK_BYTES);
    return EVP_EncryptUpdate(context, out, &length, in, length) == 1 ? HSM_OK : HSM_LOST;
}

/* The cipher under the subscriber's K, until the next call. */
static bool cipher_under(const struct home *home, const struct home_subscriber *who,
                         struct cipher *out)
{
    *out = (struct cipher){.context = home->evp, .encrypt = encrypt};
    return EVP_EncryptInit_ex2(home->evp, NULL, who->k, NULL, NULL) == 1;
}

static bool begin(const struct home *home, const struct home_subscriber *who,
                  const uint8_t rand[RAND_BYTES], struct cipher *out_cipher, struct milenage *out)
{
    ERASED(secret128) struct secret128 opc;
    memcpy(opc.bytes, who->opc, sizeof opc.bytes);
    return cipher_under(home, who, out_cipher) &&
           milenage_begin(out_cipher, &opc, rand, out) == HSM_OK;
}

/* AUTN = (SQN xor AK) || AMF || MAC (TS 33.102 6.3.2). */
static bool make(const struct home *home, const struct home_subscriber *who, struct challenge *out)
{
    static const uint8_t amf[MILENAGE_AMF_BYTES] = {0x80, 0x00};
    ERASED(milenage) struct milenage milenage;
    struct secret64 mac_a;
    struct secret64 mac_s;
    struct cipher cipher;
    uint8_t sqn[MILENAGE_SQN_BYTES];
    sqn_to_bytes(out->sqn, sqn);
    if (!begin(home, who, out->rand, &cipher, &milenage) ||
        milenage_f1(&cipher, &milenage, sqn, amf, &mac_a, &mac_s) != HSM_OK)
        return false;
    for (size_t i = 0; i < sizeof sqn; i++)
        out->autn[i] = sqn[i] ^ milenage.ak[i];
    memcpy(out->autn + 6, amf, sizeof amf);
    memcpy(out->autn + 8, mac_a.bytes, sizeof mac_a.bytes);
    return true;
}

bool home_challenge(struct home *home, struct home_subscriber *who, bool spoilt,
                    struct challenge *out)
{
    const uint64_t inds = UINT64_C(1) << HOME_IND_BITS;
    if (who->made % inds == 0)
        who->seq++;
    out->sqn = who->seq << HOME_IND_BITS | who->made % inds;
    who->made++;
    if (RAND_bytes(out->rand, sizeof out->rand) != 1 || !make(home, who, out))
        return false;
    out->autn[15] ^= spoilt ? 1 : 0;
    return true;
}

bool home_replay(struct home *home, const struct home_subscriber *who, struct challenge *out)
{
    out->sqn = who->last_sqn;
    memcpy(out->rand, who->last_rand, sizeof out->rand);
    return make(home, who, out);
}

bool home_resynchronise(struct home *home, struct home_subscriber *who,
                        const uint8_t rand[RAND_BYTES], const uint8_t auts[AUTS_BYTES])
{
    ERASED(milenage) struct milenage milenage;
    struct cipher cipher;
    uint8_t sqn[MILENAGE_SQN_BYTES];
    if (!begin(home, who, rand, &cipher, &milenage))
        return false;
    for (size_t i = 0; i < sizeof sqn; i++)
        sqn[i] = auts[i] ^ milenage.ak_star[i];
    uint64_t seq = sqn_from_bytes(sqn) >> HOME_IND_BITS;
    if (seq > who->seq) {
        who->seq = seq;
        who->made = 0; /* home_challenge begins with the next SEQ */
    }
    return true;
}

static bool take_hex(const char *text, uint8_t out[16])
{
    return text != NULL && hex_decode(text, strlen(text), out, 16);
}

/* False: `out` may own a user_id. */
static bool take_subscriber(const json_t *object, struct home_subscriber *out)
{
    const char *user = json_string_value(json_object_get(object, "user"));
    if (user == NULL || user[0] == '\0' || strlen(user) > USER_ID_BYTES_MAX ||
        !text_is_clean(user, strlen(user)))
        return false;
    out->user_id = strdup(user);
    return out->user_id != NULL &&
           take_hex(json_string_value(json_object_get(object, "k")), out->k) &&
           take_hex(json_string_value(json_object_get(object, "opc")), out->opc);
}

static bool grow(struct home *home)
{
    size_t count = home->count;
    if (count != 0 && (count & (count - 1)) != 0)
        return true;
    struct home_subscriber *more =
        realloc(home->subscribers, (count == 0 ? 1 : 2 * count) * sizeof *more);
    if (more == NULL)
        return false;
    home->subscribers = more;
    return true;
}

/* 1: one more; 0: the end; -1: said what is wrong. */
static int read_one(struct home *home, const char *path, FILE *file)
{
    int c = fgetc(file);
    while (c == ' ' || c == '\n' || c == '\r' || c == '\t')
        c = fgetc(file);
    if (c == EOF)
        return 0;
    (void)ungetc(c, file);
    json_error_t error;
    json_t *object = json_loadf(file, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
    if (object == NULL || !grow(home)) {
        fprintf(stderr, "nisim: %s: entry %zu: %s\n", path, home->count + 1,
                object == NULL ? error.text : "there is no memory");
        json_decref(object);
        return -1;
    }
    struct home_subscriber *who = &home->subscribers[home->count++];
    *who = (struct home_subscriber){0};
    bool good = take_subscriber(object, who);
    json_decref(object);
    if (!good)
        fprintf(stderr,
                "nisim: %s: entry %zu: write {\"user\": \"...\", \"k\": \"...\", \"opc\": \"...\"},"
                " k and opc of 32 hex digits\n",
                path, home->count);
    return good ? 1 : -1;
}

static bool read_all(struct home *home, const char *path)
{
    FILE *file = fopen(path, "re");
    int more = 1;
    while (file != NULL && more == 1)
        more = read_one(home, path, file);
    if (file == NULL || ferror(file))
        fprintf(stderr, "nisim: %s: %s\n", path, strerror(errno));
    else if (more == 0 && home->count == 0)
        fprintf(stderr, "nisim: %s: names no subscriber\n", path);
    bool good = file != NULL && !ferror(file) && more == 0 && home->count > 0;
    if (file != NULL)
        fclose(file);
    return good;
}

bool home_open(struct home *home, const char *path)
{
    *home = (struct home){.evp = EVP_CIPHER_CTX_new()};
    if (home->evp == NULL ||
        EVP_EncryptInit_ex2(home->evp, EVP_aes_128_ecb(), NULL, NULL, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(home->evp, 0) != 1) {
        fprintf(stderr, "nisim: OpenSSL gives no AES\n");
        return false;
    }
    return read_all(home, path);
}

void home_close(struct home *home)
{
    for (size_t i = 0; i < home->count; i++) {
        free(home->subscribers[i].user_id);
        secret_wipe(&home->subscribers[i], sizeof home->subscribers[i]);
    }
    free(home->subscribers);
    EVP_CIPHER_CTX_free(home->evp);
    *home = (struct home){0};
}
