/*
 * Makes wrapped subscribers by the thousand, for measuring: bulk CONFIG SEED FIRST COUNT HOME
 * K and OPc of subscriber i are SHA-256(SEED, i): laboratory keys. HOME becomes what `nisim bench`
 * reads. Prints how many, and the seconds it took.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "enrol_wrapped.h"
#include "hex.h"
#include "office.h"

#define AT_ONCE 64 /* rows of a transaction: keepers wait while one lasts */

struct bulk {
    struct office *office;
    const char *seed;
    FILE *home;
    struct subscription *subscriptions; /* AT_ONCE */
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool keys_of(const struct bulk *bulk, unsigned long i, struct secret128 keys[2])
{
    char text[128];
    int length = snprintf(text, sizeof text, "%s %lu", bulk->seed, i);
    return EVP_Digest(text, (size_t)length, keys[0].bytes, NULL, EVP_sha256(), NULL) == 1;
}

static void describe(unsigned long i, struct subscription *out)
{
    struct identity *identity = &out->identity;
    memset(out, 0, sizeof *out);
    snprintf(identity->impi, sizeof identity->impi, "%010lu@ims.example.com", i);
    snprintf(identity->domain, sizeof identity->domain, "ims.example.com");
    snprintf(identity->impus[0], sizeof identity->impus[0], "sip:%010lu@ims.example.com", i);
    identity->impu_count = 1;
    snprintf(out->user_ids[0], sizeof out->user_ids[0], "u%lu", i);
    out->user_id_count = 1;
    out->profile = (struct sqn_profile){SQN_IND_BITS_USUAL, SQN_DELTA_USUAL, 0};
    out->origin = KEY_ORIGIN_CLEAR_LABORATORY;
    out->enabled = true;
    out->residence = RESIDENCE_WRAPPED;
}

static bool make(const struct bulk *bulk, unsigned long i, struct subscription *out)
{
    struct secret128 keys[2];
    char k[HEX_TEXT_BYTES(16)];
    char opc[HEX_TEXT_BYTES(16)];
    if (!keys_of(bulk, i, keys))
        return false;
    const struct key_source source = key_source_clear(&keys[0]);
    const struct opc_source opc_source = {&keys[1], true};
    describe(i, out);
    if (enrol_wrap(bulk->office->token, &source, &opc_source, &out->key_ref, &out->wrapped) !=
            HSM_OK ||
        subscription_seal(bulk->office->token, out) != HSM_OK)
        return false;
    hex_encode(keys[0].bytes, 16, k);
    hex_encode(keys[1].bytes, 16, opc);
    return fprintf(bulk->home, "{\"user\": \"%s\", \"k\": \"%s\", \"opc\": \"%s\"}\n",
                   out->user_ids[0], k, opc) > 0;
}

static bool store_all(const struct bulk *bulk, size_t count)
{
    struct store *store = bulk->office->store;
    enum store_result rc = store_begin(store);
    if (rc != STORE_OK)
        return false;
    for (size_t i = 0; rc == STORE_OK && i < count; i++)
        rc = store_add_in_transaction(store, &bulk->subscriptions[i]);
    if (rc == STORE_OK)
        rc = store_commit(store);
    if (rc != STORE_OK)
        store_rollback(store);
    return rc == STORE_OK;
}

static bool run(const struct bulk *bulk, unsigned long first, unsigned long count)
{
    for (unsigned long done = 0; done < count;) {
        size_t some = count - done < AT_ONCE ? (size_t)(count - done) : AT_ONCE;
        for (size_t i = 0; i < some; i++) {
            if (!make(bulk, first + done + i, &bulk->subscriptions[i]))
                return false;
        }
        if (!store_all(bulk, some))
            return false;
        done += some;
    }
    return true;
}

static bool open_office(const char *config, struct office **out)
{
    struct arguments arguments = {.config = config, .pin_fd = -1, .so_pin_fd = -1};
    return office_new(&arguments, out) == OUTCOME_DONE &&
           office_open_store(*out, false) == OUTCOME_DONE &&
           office_open_token(*out, false) == OUTCOME_DONE &&
           office_prove_token(*out) == OUTCOME_DONE;
}

int main(int argc, char **argv)
{
    struct bulk bulk = {0};
    if (argc != 6 || !open_office(argv[1], &bulk.office))
        return 2;
    bulk.seed = argv[2];
    bulk.home = fopen(argv[5], "we");
    bulk.subscriptions = calloc(AT_ONCE, sizeof *bulk.subscriptions);
    double begin = now();
    bool good = bulk.home != NULL && bulk.subscriptions != NULL &&
                run(&bulk, strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    if (good)
        printf("%s %.3f\n", argv[4], now() - begin);
    else
        fprintf(stderr, "bulk: %s, %s\n", module_fault(bulk.office->module),
                store_why(bulk.office->store));
    if (bulk.home != NULL && fclose(bulk.home) != 0)
        good = false;
    free(bulk.subscriptions);
    office_free(&bulk.office);
    return good ? 0 : 1;
}
