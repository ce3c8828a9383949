/* Which identities may stand in a subscription. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fields.h"
#include "names.h"

#define COUNT_OF(list) (sizeof(list) / sizeof((list)[0]))

typedef const char *(*check_name)(const char *text);

static void refuse_all(check_name check, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (check(names[i]) == NULL)
            fail_msg("\"%s\" is not refused", names[i]);
    }
}

static void take_all(check_name check, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *wrong = check(names[i]);
        if (wrong != NULL)
            fail_msg("\"%s\": %s", names[i], wrong);
    }
}

static const char *const bad_texts[] = {"", "a\nb", "a\x7f", "\xff\xfe", "a\xc2\x85", "\xc0\xaf"};

static void user_ids(void **state)
{
    (void)state;
    static const char *const bad[] = {" 15551", "15551 "};
    static const char *const good[] = {"15551234567", "+1 555", "alice", "z\xc3\xbcrich", "a@b"};
    char longest[USER_ID_BYTES_MAX + 2];
    memset(longest, 'x', sizeof longest);
    longest[USER_ID_BYTES_MAX + 1] = '\0';
    assert_non_null(names_check_user_id(longest));
    longest[USER_ID_BYTES_MAX] = '\0';
    assert_null(names_check_user_id(longest));
    refuse_all(names_check_user_id, bad_texts, COUNT_OF(bad_texts));
    refuse_all(names_check_user_id, bad, COUNT_OF(bad));
    take_all(names_check_user_id, good, COUNT_OF(good));
}

static void impis(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "alice",           "@ims.example.com",   "alice@",         "alice@localhost",
        "a@b@example.com", "al ice@example.com", "a@example..com", ".a@example.com",
        "a.@example.com",  "a..b@example.com",   "a@-x.com",       "a@example.com.",
        "a@exa_mple.com",  "a:b@example.com",    "a@.example.com", "sip:a@example.com"};
    static const char *const good[] = {"alice@ims.example.com",
                                       "001010123456789@ims.mnc001.mcc001.3gppnetwork.org",
                                       "a.b+c@example.com", "z\xc3\xbc@example.com"};
    refuse_all(names_check_impi, bad_texts, COUNT_OF(bad_texts));
    refuse_all(names_check_impi, bad, COUNT_OF(bad));
    take_all(names_check_impi, good, COUNT_OF(good));
}

static void usernames_and_realms(void **state)
{
    (void)state;
    static const char *const bad[] = {"a\"b", "a\\b", " abc", "abc "};
    static const char *const bad_usernames[] = {"a:b", "ab"};
    static const char *const good[] = {"Mufasa", "J\xc3\xa4s\xc3\xb8n Doe",
                                       "http-auth@example.org"};
    refuse_all(names_check_username, bad_texts, COUNT_OF(bad_texts));
    refuse_all(names_check_username, bad, COUNT_OF(bad));
    refuse_all(names_check_username, bad_usernames, COUNT_OF(bad_usernames));
    take_all(names_check_username, good, COUNT_OF(good));
    refuse_all(names_check_realm, bad_texts, COUNT_OF(bad_texts));
    refuse_all(names_check_realm, bad, COUNT_OF(bad));
    take_all(names_check_realm, good, COUNT_OF(good));
}

static void impus(void **state)
{
    (void)state;
    static const char *const bad[] = {"alice@ims.example.com",
                                      "sip:",
                                      "sip:alice",
                                      "sip:@example.com",
                                      "sip:alice@",
                                      "sip:a@b@example.com",
                                      "sip:al ice@b.com",
                                      "<sip:a@example.com>",
                                      "tel:",
                                      "tel:+",
                                      "tel:abc",
                                      "tel:;phone-context=+1",
                                      "http://example.com",
                                      "mailto:a@example.com"};
    static const char *const good[] = {"sip:alice@ims.example.com",
                                       "SIP:alice@ims.example.com",
                                       "sips:alice@ims.example.com:5061",
                                       "sip:+15551@ims.example.com;user=phone",
                                       "tel:+1-555-123-4567",
                                       "tel:4567;phone-context=example.com"};
    refuse_all(names_check_impu, bad_texts, COUNT_OF(bad_texts));
    refuse_all(names_check_impu, bad, COUNT_OF(bad));
    take_all(names_check_impu, good, COUNT_OF(good));
}

static void domains(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "localhost",     "ims.example.com.",
        "a..b",          "-a.com",
        "a-.com",        "a b.com",
        "*.example.com", "a.0123456789012345678901234567890123456789012345678901234567890123"};
    static const char *const good[] = {"ims.example.com", "IMS.Example.com", "3gppnetwork.org",
                                       "xn--zrich-kva.ch"};
    refuse_all(names_check_domain, bad_texts, COUNT_OF(bad_texts));
    refuse_all(names_check_domain, bad, COUNT_OF(bad));
    take_all(names_check_domain, good, COUNT_OF(good));
}

static void p_cscfs(void **state)
{
    (void)state;
    static const char *const bad[] = {"localhost", "[::1]", "pcscf.example.com:5060",
                                      "sip:pcscf.example.com", "fe80::1%lo"};
    static const char *const good[] = {"pcscf.example.com", "192.0.2.1", "2001:db8::1"};
    refuse_all(names_check_p_cscf, bad_texts, COUNT_OF(bad_texts));
    refuse_all(names_check_p_cscf, bad, COUNT_OF(bad));
    take_all(names_check_p_cscf, good, COUNT_OF(good));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_ids),
        cmocka_unit_test(impis),
        cmocka_unit_test(usernames_and_realms),
        cmocka_unit_test(impus),
        cmocka_unit_test(domains),
        cmocka_unit_test(p_cscfs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
