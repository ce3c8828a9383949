/*
 * What an authentication costs without nisim: the blocks of Milenage on a raw SoftHSM token.
 * raw_token naive|session|openssl SECONDS [MODULE LABEL PIN_FILE] prints
 * "COUNT WALL_SECONDS CPU_SECONDS". With MODULE the token is not a new one of SoftHSM but the one
 * of this label, with the first AES key there that encrypts.
 *
 * naive: three times C_EncryptInit and C_Encrypt (1, 4 and 1 blocks) with K as a token object.
 * session: K copied into a session object, one C_EncryptInit, three C_EncryptUpdate, one Final.
 * openssl: AES in this process, what no token can beat.
 */
#include <openssl/evp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "pin.h"
#include "softhsm.h"
#include "token_cipher.h"

#define BLOCKS_MAX 4

struct raw {
    struct softhsm softhsm; /* of a token that is there, module and token alone */
    CK_OBJECT_HANDLE resident;
    CK_OBJECT_HANDLE copy; /* a session object */
    EVP_CIPHER_CTX *evp;
};

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* TEMP, OUT2 to OUT5, OUT1. */
static const unsigned steps[] = {1, 4, 1};

static void naive(struct raw *raw)
{
    const struct token *token = raw->softhsm.token;
    CK_FUNCTION_LIST *list = token->module->list;
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_ECB};
    uint8_t in[BLOCKS_MAX * 16] = {1};
    uint8_t out[BLOCKS_MAX * 16];
    for (size_t i = 0; i < 3; i++) {
        CK_ULONG length = steps[i] * 16;
        assert_int_equal(list->C_EncryptInit(token->session, &mechanism, raw->resident), CKR_OK);
        assert_int_equal(list->C_Encrypt(token->session, in, length, out, &length), CKR_OK);
    }
}

static void session(struct raw *raw)
{
    const struct token *token = raw->softhsm.token;
    CK_FUNCTION_LIST *list = token->module->list;
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_ECB};
    uint8_t in[BLOCKS_MAX * 16] = {1};
    uint8_t out[BLOCKS_MAX * 16];
    assert_int_equal(list->C_EncryptInit(token->session, &mechanism, raw->copy), CKR_OK);
    for (size_t i = 0; i < 3; i++) {
        CK_ULONG length = steps[i] * 16;
        assert_int_equal(list->C_EncryptUpdate(token->session, in, length, out, &length), CKR_OK);
    }
    CK_ULONG rest = sizeof out;
    assert_int_equal(list->C_EncryptFinal(token->session, out, &rest), CKR_OK);
}

static void openssl(struct raw *raw)
{
    uint8_t in[BLOCKS_MAX * 16] = {1};
    uint8_t out[BLOCKS_MAX * 16];
    assert_int_equal(EVP_EncryptInit_ex2(raw->evp, NULL, in, NULL, NULL), 1);
    for (size_t i = 0; i < 3; i++) {
        int length = (int)steps[i] * 16;
        assert_int_equal(EVP_EncryptUpdate(raw->evp, out, &length, in, length), 1);
    }
}

static const struct {
    const char *name;
    void (*run)(struct raw *raw);
} ways[] = {{"naive", naive}, {"session", session}, {"openssl", openssl}};

/* The token object itself: the first secret key that is not the session copy. */
static CK_OBJECT_HANDLE find_resident(const struct token *token)
{
    CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL encrypt = CK_TRUE;
    CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, sizeof yes},
                               {CKA_CLASS, &class, sizeof class},
                               {CKA_KEY_TYPE, &type, sizeof type},
                               {CKA_ENCRYPT, &encrypt, sizeof encrypt}};
    CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    CK_FUNCTION_LIST *list = token->module->list;
    assert_int_equal(list->C_FindObjectsInit(token->session, template, 4), CKR_OK);
    assert_int_equal(list->C_FindObjects(token->session, &found, 1, &count), CKR_OK);
    assert_int_equal(list->C_FindObjectsFinal(token->session), CKR_OK);
    assert_int_equal(count, 1);
    return found;
}

static void measure(struct raw *raw, void (*run)(struct raw *raw), double seconds)
{
    uint64_t count = 0;
    double begin = seconds_of(CLOCK_MONOTONIC);
    double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    double now = begin;
    while (now < begin + seconds) {
        for (int i = 0; i < 64; i++)
            run(raw);
        count += 64;
        now = seconds_of(CLOCK_MONOTONIC);
    }
    printf("%llu %.6f %.6f\n", (unsigned long long)count, now - begin,
           seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

static void copy_into_session(struct raw *raw)
{
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE wanted[] = {{CKA_TOKEN, &no, sizeof no}};
    const struct token *token = raw->softhsm.token;
    assert_int_equal(
        token->module->list->C_CopyObject(token->session, raw->resident, wanted, 1, &raw->copy),
        CKR_OK);
}

static void make_token(struct raw *raw)
{
    const uint8_t secret[16] = {7};
    const struct key_ref ref = {{1}};
    softhsm_open(&raw->softhsm);
    softhsm_add_key(&raw->softhsm, &ref, secret, secret, SOFTHSM_KEY_PROPER);
}

static void use_token(struct raw *raw, const char *path, const char *label, const char *pin_file)
{
    char why[256] = "";
    const struct token_choice choice = {.label = label};
    struct secret_pin pin = {0};
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pin_from_file(pin_file, &pin), HSM_OK);
    assert_int_equal(module_open(path, 30, why, sizeof why, &raw->softhsm.module), HSM_OK);
    assert_int_equal(token_open(raw->softhsm.module, &choice, false, &raw->softhsm.token), HSM_OK);
    assert_int_equal(token_log_in(raw->softhsm.token, &pin), HSM_OK);
}

static void close_token(struct raw *raw, bool is_ours)
{
    if (is_ours) {
        softhsm_close(&raw->softhsm);
        return;
    }
    token_close(&raw->softhsm.token);
    module_close(&raw->softhsm.module);
}

int main(int argc, char **argv)
{
    static struct raw raw;
    bool is_ours = argc == 3;
    double seconds = is_ours || argc == 6 ? strtod(argv[2], NULL) : 0;
    size_t way = 0;
    while (way < 3 && (!(seconds > 0) || strcmp(argv[1], ways[way].name) != 0))
        way++;
    if (way == 3) {
        fprintf(stderr, "usage: raw_token naive|session|openssl SECONDS [MODULE LABEL PIN_FILE]\n");
        return 64;
    }
    if (is_ours)
        make_token(&raw);
    else
        use_token(&raw, argv[3], argv[4], argv[5]);
    raw.resident = find_resident(raw.softhsm.token);
    copy_into_session(&raw);
    raw.evp = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex2(raw.evp, EVP_aes_128_ecb(), NULL, NULL, NULL), 1);
    measure(&raw, ways[way].run, seconds);
    EVP_CIPHER_CTX_free(raw.evp);
    close_token(&raw, is_ours);
    return 0;
}
