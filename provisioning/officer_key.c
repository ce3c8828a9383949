#include "officer_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pin.h"

#define RSA_BITS_LEAST 2048
#define RSA_BITS_MOST 8192
#define FILE_BYTES_MAX 16384
#define CHUNK_BYTES 2048

static bool is_of_a_kind_we_take(const EVP_PKEY *key)
{
    char group[32] = "";
    if (EVP_PKEY_is_a(key, "RSA") == 1)
        return EVP_PKEY_get_bits(key) >= RSA_BITS_LEAST && EVP_PKEY_get_bits(key) <= RSA_BITS_MOST;
    return EVP_PKEY_is_a(key, "EC") == 1 &&
           EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

/* NULL: neither PEM nor DER of a public key. */
static EVP_PKEY *parse_public(const uint8_t *bytes, size_t length)
{
    const unsigned char *at = bytes;
    EVP_PKEY *key = NULL;
    BIO *memory = BIO_new_mem_buf(bytes, (int)length);
    if (memory != NULL)
        key = PEM_read_bio_PUBKEY(memory, NULL, NULL, NULL);
    BIO_free(memory);
    return key != NULL ? key : d2i_PUBKEY(NULL, &at, (long)length);
}

static ssize_t read_whole(const char *path, uint8_t *out_bytes, size_t room)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    size_t used = 0;
    ssize_t got = 1;
    if (descriptor < 0)
        return -1;
    while (got > 0 && used < room) {
        got = read(descriptor, out_bytes + used, room - used);
        used += got > 0 ? (size_t)got : 0;
    }
    int saved = errno;
    close(descriptor);
    errno = saved;
    return got < 0 ? -1 : (ssize_t)used;
}

static bool encode(EVP_PKEY *key, struct public_key *out_key)
{
    unsigned char *at = out_key->der;
    int length = i2d_PUBKEY(key, NULL);
    if (length <= 0 || (size_t)length > sizeof out_key->der)
        return false;
    out_key->bytes = (size_t)i2d_PUBKEY(key, &at);
    return true;
}

enum outcome officer_key_read(const char *path, struct public_key *out_key)
{
    uint8_t bytes[CHUNK_BYTES];
    errno = 0;
    ssize_t length = read_whole(path, bytes, sizeof bytes);
    if (length < 0)
        return outcome_fail(OUTCOME_USAGE, "public key file %s: %s", path, strerror(errno));
    EVP_PKEY *key = parse_public(bytes, (size_t)length);
    bool fits = key != NULL && is_of_a_kind_we_take(key) && encode(key, out_key);
    EVP_PKEY_free(key);
    if (fits)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_USAGE,
                        "public key file %s: no public key on EC P-256 or of RSA with %d to %d "
                        "bits, in PEM or DER (openssl pkey -pubout)",
                        path, RSA_BITS_LEAST, RSA_BITS_MOST);
}

bool sha256_of(const void *bytes, size_t length, uint8_t out_hash[SHA256_BYTES])
{
    return EVP_Digest(bytes, length, out_hash, NULL, EVP_sha256(), NULL) == 1;
}

static bool hash_descriptor(int descriptor, EVP_MD_CTX *context, uint8_t out_hash[SHA256_BYTES])
{
    uint8_t chunk[CHUNK_BYTES];
    ssize_t got = 1;
    bool done = EVP_DigestInit_ex2(context, EVP_sha256(), NULL) == 1;
    while (done && got > 0) {
        got = read(descriptor, chunk, sizeof chunk);
        done = got >= 0 && EVP_DigestUpdate(context, chunk, (size_t)got) == 1;
    }
    /* It may have been a file of keys. */
    OPENSSL_cleanse(chunk, sizeof chunk);
    return done && EVP_DigestFinal_ex(context, out_hash, NULL) == 1;
}

bool sha256_of_file(const char *path, uint8_t out_hash[SHA256_BYTES])
{
    struct stat status = {0};
    /* O_NONBLOCK: a pipe nobody writes to must not hold us. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0)
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    errno = 0;
    bool done = context != NULL && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
                hash_descriptor(descriptor, context, out_hash);
    int saved = errno;
    EVP_MD_CTX_free(context);
    close(descriptor);
    errno = saved;
    return done;
}

bool officer_key_fingerprint(const struct public_key *key, char out_text[FINGERPRINT_BYTES])
{
    uint8_t hash[SHA256_BYTES];
    if (!sha256_of(key->der, key->bytes, hash))
        return false;
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(out_text + 2 * i, 3, "%02x", hash[i]);
    return true;
}

bool officer_key_verify(const struct public_key *key, const char *text, size_t length,
                        const struct signature *signature)
{
    const unsigned char *at = key->der;
    EVP_PKEY *parsed = d2i_PUBKEY(NULL, &at, (long)key->bytes);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good =
        parsed != NULL && context != NULL &&
        EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, parsed, NULL) == 1 &&
        EVP_DigestVerify(context, signature->bytes, signature->length, (const unsigned char *)text,
                         length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(parsed);
    return is_good;
}

/* What the PEM reader's question is answered with. */
struct passphrase_asked {
    const char *officer;
    bool none_typed;
};

/* pem_password_cb */
static int ask_passphrase(char *out_text, int room, int writing, void *asked)
{
    struct passphrase_asked *question = asked;
    ERASED(secret_pin) struct secret_pin passphrase = {0};
    char prompt[96];
    (void)writing;
    snprintf(prompt, sizeof prompt, "Passphrase of officer %s: ", question->officer);
    question->none_typed = pin_from_terminal(prompt, &passphrase) != HSM_OK;
    if (question->none_typed || passphrase.length > (size_t)room)
        return -1;
    memcpy(out_text, passphrase.text, passphrase.length);
    return (int)passphrase.length;
}

static bool sign(EVP_PKEY *key, const char *text, size_t length, struct signature *out)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    out->length = sizeof out->bytes;
    bool done =
        context != NULL && is_of_a_kind_we_take(key) &&
        EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
        EVP_DigestSign(context, out->bytes, &out->length, (const unsigned char *)text, length) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

static enum outcome open_private(const char *officer, const char *path, int *out_descriptor)
{
    struct stat status = {0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        enum outcome outcome = outcome_fail(OUTCOME_NOT_APPROVED, "key file %s of officer %s: %s",
                                            path, officer, strerror(errno));
        if (descriptor >= 0)
            close(descriptor);
        return outcome;
    }
    if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0 ||
        status.st_size > FILE_BYTES_MAX) {
        close(descriptor);
        return outcome_fail(OUTCOME_NOT_APPROVED,
                            "key file %s of officer %s: not a file that only its owner can read "
                            "(chmod 600)",
                            path, officer);
    }
    *out_descriptor = descriptor;
    return OUTCOME_DONE;
}

enum outcome officer_key_sign(const char *officer, const char *path, const char *text,
                              size_t length, struct signature *out_signature)
{
    struct passphrase_asked question = {officer, false};
    int descriptor = -1;
    enum outcome outcome = open_private(officer, path, &descriptor);
    if (outcome != OUTCOME_DONE)
        return outcome;
    BIO *file = BIO_new_fd(descriptor, BIO_CLOSE);
    EVP_PKEY *key =
        file == NULL ? NULL : PEM_read_bio_PrivateKey(file, NULL, ask_passphrase, &question);
    bool done = key != NULL && sign(key, text, length, out_signature);
    BIO_free(file);
    EVP_PKEY_free(key);
    if (done)
        return OUTCOME_DONE;
    if (question.none_typed)
        return outcome_fail(OUTCOME_NOT_APPROVED,
                            "no passphrase of officer %s was typed on a terminal", officer);
    return outcome_fail(OUTCOME_NOT_APPROVED,
                        "key file %s of officer %s: no private key in PEM, or another passphrase "
                        "than was typed",
                        path, officer);
}
