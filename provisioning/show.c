#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "digestfile.h"
#include "hex.h"
#include "json_out.h"
#include "lookup.h"
#include "store_pin.h"
#include "verbs.h"
#include "walk.h"

/* What is to be said of one subscriber; nothing here is secret. */
struct view {
    const struct subscription *subscription;
    char key_ref[KEY_REF_TEXT_BYTES];
    bool key_held; /* the token has K and OPc */
    bool kek_held; /* the token has the KEK under which they are wrapped */
    char kek[2 * TOKEN_KEK_ID_BYTES + 1];
    enum digest_place digests[DIGEST_HASHES];
    bool as_sealed;
    bool is_laboratory; /* the token */
    uint64_t sqn_ms;
    struct pin_state pin; /* of a card that asks for one */
};

static const char *origin_text(enum key_origin origin)
{
    switch (origin) {
    case KEY_ORIGIN_CLEAR_LABORATORY:
        return "clear-text laboratory import";
    case KEY_ORIGIN_GENERATED:
        return "generated in the token";
    case KEY_ORIGIN_WRAPPED_AES:
        return "wrapped, AES transport key";
    case KEY_ORIGIN_WRAPPED_RSA:
        return "wrapped, RSA transport key";
    }
    return "unknown";
}

static const char *place_text(enum digest_place place)
{
    switch (place) {
    case DIGEST_PLACE_KEY:
        return "key";
    case DIGEST_PLACE_DATA:
        return "data-object";
    default:
        return "missing";
    }
}

static const char *yes_or_no(bool value)
{
    return value ? "yes" : "no";
}

static const char *gba_text(const struct subscription *subscription)
{
    if (!subscription->gba)
        return "off";
    return subscription->gba_u_mac ? "on, u-mac" : "on";
}

static uint64_t highest_seq(const struct view *view)
{
    return view->sqn_ms >> view->subscription->profile.ind_bits;
}

static const char *residence_text(const struct subscription *subscription)
{
    if (subscription->digest.is_alone)
        return "none";
    return subscription->residence == RESIDENCE_WRAPPED ? "wrapped" : "resident";
}

static bool key_usable(const struct view *view)
{
    return view->key_held || view->kek_held || view->subscription->digest.is_alone;
}

/* Where K and OPc are, and whether what is needed of them is in the token. */
static enum outcome look_for_key(struct office *office, const struct keyring *keyring,
                                 struct view *view)
{
    const struct subscription *subscription = view->subscription;
    CK_OBJECT_HANDLE kek = CK_INVALID_HANDLE;
    if (subscription->residence == RESIDENCE_RESIDENT) {
        view->key_held =
            !subscription->digest.is_alone && keyring_holds(keyring, &subscription->key_ref);
        return OUTCOME_DONE;
    }
    const struct kek_id *id = &subscription->wrapped.kek;
    hex_encode(id->bytes, sizeof id->bytes, view->kek);
    enum hsm_result found = token_kek_find(office->token, id, &kek);
    view->kek_held = found == HSM_OK;
    if (found == HSM_OK || found == HSM_NO_KEY || found == HSM_LATER)
        return OUTCOME_DONE;
    return office_fail_hsm(office, found, "looking for the KEK");
}

static enum outcome look(struct office *office, const struct keyring *keyring, struct view *out)
{
    const struct subscription *subscription = &office->subscription;
    struct sqn_array array = {{0}};
    int64_t version = 0;
    struct view view = {.subscription = subscription, .is_laboratory = office->is_laboratory};
    enum hsm_result sealed = subscription_check_seal(office->token, subscription);
    if (sealed != HSM_OK && sealed != HSM_BAD_ANSWER)
        return office_fail_hsm(office, sealed, "checking the record's seal");
    enum store_result result = store_sqn_read(office->store, subscription->row, &array, &version);
    if (result == STORE_NOT_FOUND)
        return outcome_fail(OUTCOME_STORE, "store %s: %s has no SQN state", office->store_path,
                            subscription->identity.impi);
    if (result != STORE_OK)
        return office_fail_store(office, result);
    if (subscription->pin.is_set)
        result = store_pin_read(office->store, subscription->row, &view.pin);
    if (result != STORE_OK)
        return office_fail_store(office, result);
    key_ref_to_text(&subscription->key_ref, view.key_ref);
    view.as_sealed = sealed == HSM_OK;
    enum outcome outcome = look_for_key(office, keyring, &view);
    if (outcome != OUTCOME_DONE)
        return outcome;
    for (size_t i = 0; i < DIGEST_HASHES; i++)
        view.digests[i] = keyring_digest_place(keyring, &subscription->digest.refs[i]);
    view.sqn_ms = sqn_highest(&subscription->profile, &array);
    *out = view;
    return OUTCOME_DONE;
}

/* Where each secret of SIP digest rests. */
static void print_digests(const struct view *view)
{
    const struct digest_credential *digest = &view->subscription->digest;
    if (digest->algorithms != 0)
        printf("digest-realm: %s\ndigest-origin: %s\n", digest->realm, origin_text(digest->origin));
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        char ref[KEY_REF_TEXT_BYTES];
        key_ref_to_text(&digest->refs[i], ref);
        if (digest_credential_has(digest, (enum digest_hash)i))
            printf("digest: %s %s %s\n", digest_hash_name((enum digest_hash)i), ref,
                   place_text(view->digests[i]));
    }
}

static void print_view(const struct view *view)
{
    const struct subscription *subscription = view->subscription;
    const struct identity *identity = &subscription->identity;
    const struct sqn_profile *profile = &subscription->profile;
    printf("impi: %s\n", identity->impi);
    for (size_t i = 0; i < subscription->user_id_count; i++)
        printf("user-id: %s\n", subscription->user_ids[i]);
    for (size_t i = 0; i < identity->impu_count; i++)
        printf("impu: %s\n", identity->impus[i]);
    printf("domain: %s\n", identity->domain);
    for (size_t i = 0; i < identity->p_cscf_count; i++)
        printf("p-cscf: %s\n", identity->p_cscfs[i]);
    if (identity->webrtc_uri[0] != '\0')
        printf("webrtc-uri: %s\n", identity->webrtc_uri);
    printf("enabled: %s\n", yes_or_no(subscription->enabled));
    printf("record: %s\n", view->as_sealed ? "as sealed" : "ALTERED");
    printf("key: %s\n", subscription->digest.is_alone ? "none" : view->key_ref);
    printf("key-origin: %s\n",
           subscription->digest.is_alone ? "none" : origin_text(subscription->origin));
    printf("residence: %s\n", residence_text(subscription));
    if (subscription->residence == RESIDENCE_WRAPPED)
        printf("kek: %s\nkek-in-token: %s\n", view->kek, yes_or_no(view->kek_held));
    else
        printf("laboratory-token: %s\n", yes_or_no(view->is_laboratory));
    printf("key-in-token: %s\n", yes_or_no(view->key_held));
    print_digests(view);
    printf("ind-bits: %u\n", profile->ind_bits);
    printf("delta: %" PRIu64 "\n", profile->delta);
    printf("age-limit: %" PRIu64 "\n", profile->age_limit);
    printf("sqn-ms: %012" PRIx64 "\n", view->sqn_ms);
    printf("highest-seq: %" PRIu64 "\n", highest_seq(view));
    printf("gba: %s\n", gba_text(subscription));
    if (subscription->pin.is_set)
        printf("card-pin: %u tries left\n", (unsigned)view->pin.tries);
}

/* `texts`: an array of `count` texts, each of `room` bytes. */
static json_t *json_texts(const char *texts, size_t count, size_t room)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(texts + i * room));
    return array;
}

static json_t *json_digests(const struct view *view)
{
    const struct digest_credential *digest = &view->subscription->digest;
    json_t *array = json_array();
    for (size_t i = 0; i < DIGEST_HASHES; i++) {
        char ref[KEY_REF_TEXT_BYTES];
        key_ref_to_text(&digest->refs[i], ref);
        if (digest_credential_has(digest, (enum digest_hash)i))
            json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "algorithm",
                                                   digest_hash_name((enum digest_hash)i), "key",
                                                   ref, "place", place_text(view->digests[i])));
    }
    return array;
}

static json_t *json_view(const struct view *view)
{
    char sqn_ms[16];
    const struct subscription *subscription = view->subscription;
    const struct identity *identity = &subscription->identity;
    const struct sqn_profile *profile = &subscription->profile;
    snprintf(sqn_ms, sizeof sqn_ms, "%012" PRIx64, view->sqn_ms);
    return json_pack(
        "{s:s, s:o, s:o, s:s, s:o, s:s*, s:b, s:b, s:s?, s:s?, s:s, s:b, s:s?, s:b, s:o, s:s?, "
        "s:s?, s:b, s:b, s:i, s:I, s:I, s:s, s:I, s:o, s:b}",
        "impi", identity->impi, "user_ids",
        json_texts(subscription->user_ids[0], subscription->user_id_count,
                   sizeof subscription->user_ids[0]),
        "impus", json_texts(identity->impus[0], identity->impu_count, sizeof identity->impus[0]),
        "domain", identity->domain, "p_cscfs",
        json_texts(identity->p_cscfs[0], identity->p_cscf_count, sizeof identity->p_cscfs[0]),
        "webrtc_uri", identity->webrtc_uri[0] != '\0' ? identity->webrtc_uri : NULL, "enabled",
        subscription->enabled, "as_sealed", view->as_sealed, "key",
        subscription->digest.is_alone ? NULL : view->key_ref, "key_origin",
        subscription->digest.is_alone ? NULL : origin_text(subscription->origin), "residence",
        residence_text(subscription), "key_in_token", view->key_held, "kek",
        view->kek[0] != '\0' ? view->kek : NULL, "kek_in_token", view->kek_held, "digests",
        json_digests(view), "digest_realm",
        subscription->digest.algorithms == 0 ? NULL : subscription->digest.realm, "digest_origin",
        subscription->digest.algorithms == 0 ? NULL : origin_text(subscription->digest.origin),
        "gba", subscription->gba, "gba_u_mac", subscription->gba_u_mac, "ind_bits",
        profile->ind_bits, "delta", (json_int_t)profile->delta, "age_limit",
        (json_int_t)profile->age_limit, "sqn_ms", sqn_ms, "highest_seq",
        (json_int_t)highest_seq(view), "card_pin_tries",
        subscription->pin.is_set ? json_integer(view->pin.tries) : json_null(), "laboratory_token",
        view->is_laboratory);
}

static enum outcome open_all(struct office *office, struct keyring **out_keyring)
{
    enum outcome outcome = office_open_token(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = office_prove_token(office);
    if (outcome != OUTCOME_DONE)
        return outcome;
    enum hsm_result result = keyring_new(office->token, out_keyring);
    return result == HSM_OK ? OUTCOME_DONE
                            : office_fail_hsm(office, result, "reading the token's list of keys");
}

enum outcome show_one(struct office *office, const struct arguments *arguments)
{
    struct keyring *keyring = NULL;
    struct view view = {.subscription = &office->subscription};
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = lookup_subscriber(office, arguments->name);
    if (outcome == OUTCOME_DONE)
        outcome = open_all(office, &keyring);
    if (outcome == OUTCOME_DONE)
        outcome = look(office, keyring, &view);
    if (outcome == OUTCOME_DONE && arguments->json)
        outcome = json_print(json_view(&view));
    else if (outcome == OUTCOME_DONE)
        print_view(&view);
    keyring_free(&keyring);
    return outcome;
}

/* Of the digest secrets, how many are in the token (or not). */
static size_t count_digests(const struct view *view, bool held)
{
    size_t count = 0;
    for (size_t i = 0; i < DIGEST_HASHES; i++)
        count += digest_credential_has(&view->subscription->digest, (enum digest_hash)i) &&
                 (view->digests[i] != DIGEST_PLACE_NONE) == held;
    return count;
}

/* One line: IMPI, state, key reference, what is wrong, user ids. */
static void print_brief(const struct view *view)
{
    const struct subscription *subscription = view->subscription;
    bool is_alone = subscription->digest.is_alone;
    printf("%-40s %-8s %s%s%s%s%s", subscription->identity.impi,
           subscription->enabled ? "enabled" : "disabled", is_alone ? "digest-only" : view->key_ref,
           subscription->residence == RESIDENCE_WRAPPED ? " wrapped" : "",
           view->as_sealed ? "" : " ALTERED",
           key_usable(view)                               ? ""
           : subscription->residence == RESIDENCE_WRAPPED ? " NO-KEK"
                                                          : " NO-KEY",
           count_digests(view, false) == 0 ? "" : " NO-DIGEST");
    for (size_t i = 0; i < subscription->user_id_count; i++)
        printf("%s%s", i == 0 ? " " : ", ", subscription->user_ids[i]);
    putchar('\n');
}

/* How a list ended: what the officer should know of it. */
struct tally {
    size_t altered;
    size_t keys_named;
    size_t shown;
};

/* JSON is written row by row: a list of a million needs no more memory than one of ten. */
static enum outcome list_row_as_json(const struct view *view, bool first)
{
    json_t *row = json_view(view);
    fputs(first ? "[\n" : ",\n", stdout);
    int failed = row == NULL || json_dumpf(row, stdout, JSON_INDENT(2)) != 0;
    json_decref(row);
    return failed ? outcome_fail(OUTCOME_FAILED, "memory is short") : OUTCOME_DONE;
}

static enum outcome list_row(struct office *office, const struct keyring *keyring, bool json,
                             struct tally *tally)
{
    struct view view = {.subscription = &office->subscription};
    enum outcome outcome = look(office, keyring, &view);
    if (outcome != OUTCOME_DONE)
        return outcome;
    tally->keys_named += view.key_held + count_digests(&view, true);
    tally->altered += !view.as_sealed;
    tally->shown++;
    if (json)
        return list_row_as_json(&view, tally->shown == 1);
    print_brief(&view);
    return OUTCOME_DONE;
}

static enum outcome list_rows(struct office *office, const struct keyring *keyring,
                              struct walk *walk, struct tally *tally)
{
    enum outcome outcome = OUTCOME_DONE;
    const struct arguments *arguments = walk->arguments;
    while (outcome == OUTCOME_DONE &&
           (arguments->limit == 0 || tally->shown < (size_t)arguments->limit)) {
        enum store_result result = walk_next(office, walk);
        if (result == STORE_NOT_FOUND)
            return OUTCOME_DONE;
        if (result == STORE_BAD_RECORD) {
            tally->altered++;
            outcome_warn("store %s: %s", office->store_path, store_why(office->store));
            continue;
        }
        outcome = result == STORE_OK ? list_row(office, keyring, arguments->json, tally)
                                     : office_fail_store(office, result);
    }
    return outcome;
}

static enum outcome sum_up(const char *store_path, const struct keyring *keyring, bool whole,
                           const struct tally *tally)
{
    size_t keys = keyring_count(keyring);
    if (whole && keys > tally->keys_named)
        outcome_warn("%zu of %zu keys in the token belong to no subscriber in this store",
                     keys - tally->keys_named, keys);
    if (tally->altered > 0)
        return outcome_fail(OUTCOME_STORE, "records altered in store %s: %zu", store_path,
                            tally->altered);
    return OUTCOME_DONE;
}

enum outcome show_list(struct office *office, const struct arguments *arguments)
{
    struct keyring *keyring = NULL;
    struct walk walk = {0};
    struct tally tally = {0};
    enum outcome outcome = office_open_store(office, false);
    if (outcome == OUTCOME_DONE)
        outcome = walk_begin(office, arguments, &walk);
    if (outcome == OUTCOME_DONE)
        outcome = open_all(office, &keyring);
    if (outcome == OUTCOME_DONE)
        outcome = list_rows(office, keyring, &walk, &tally);
    if (outcome == OUTCOME_DONE && arguments->json)
        puts(tally.shown == 0 ? "[]" : "\n]");
    if (outcome == OUTCOME_DONE && office->is_laboratory)
        outcome_warn("token \"%s\" is a laboratory's: keys in clear text were or may be loaded",
                     office->token->label);
    if (outcome == OUTCOME_DONE)
        outcome = sum_up(office->store_path, keyring, walk_is_whole(&walk), &tally);
    walk_free(&walk);
    keyring_free(&keyring);
    return outcome;
}
