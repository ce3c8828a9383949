/* Authentication-Info as a client reads it: from a server that may be anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "nisim.h"

#define RSPAUTH "ffeeddccbbaa99887766554433221100"

static const struct nisim_exchange asked = {.nc = 2, .cnonce = "0a4f113b", .rspauth = RSPAUTH};

static struct nisim_authentication_info info;

static enum nisim_result read_value(const char *value)
{
    memset(&info, 0x6b, sizeof info);
    return nisim_authentication_info(value, &asked, &info);
}

static void expect_nothing(void)
{
    assert_false(info.is_proven);
    assert_string_equal(info.next_nonce, "");
    assert_string_not_equal(info.why, "");
}

static void refuses_what_is_no_value(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        " ",
        "nextnonce",
        "nextnonce=",
        "=x",
        "nextnonce=\"\"",
        "nextnonce=\"a",
        "nextnonce=\"a\\\"b\"",
        "nextnonce=\"a\" rspauth=\"b\"",
        "nextnonce=\"a\"b",
        "nextnonce=\"a\",",
        ",nextnonce=\"a\"",
        "nextnonce=\"a\"\r\nX-Injected: yes",
        "nextnonce=\"a\r\nb\"",
        "nextnonce=\"a\x7f\"",
        "nextnonce=\"\xff\"",
        "nextnonce=\"a\", nextnonce=\"b\"",
        "rspauth=\"" RSPAUTH RSPAUTH "0\"",
        "nc=000000001",
        "Digest nextnonce=\"a\"",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (read_value(values[i]) != NISIM_BAD_REQUEST)
            fail_msg("%s", values[i]);
        expect_nothing();
    }
}

static void refuses_a_nonce_that_is_too_long(void **state)
{
    (void)state;
    char value[NISIM_NONCE_BYTES + 32] = "nextnonce=\"";
    size_t start = strlen(value);
    memset(value + start, 'n', NISIM_NONCE_BYTES);
    memcpy(value + start + NISIM_NONCE_BYTES, "\"", 2);
    assert_int_equal(read_value(value), NISIM_BAD_REQUEST);
    expect_nothing();
    memcpy(value + start + NISIM_NONCE_BYTES - 1, "\"", 2);
    assert_int_equal(read_value(value), NISIM_OK);
    assert_int_equal(strlen(info.next_nonce), NISIM_NONCE_BYTES - 1);
}

static void rejects_who_does_not_know_the_secret(void **state)
{
    (void)state;
    static const char *const values[] = {
        "rspauth=\"00eeddccbbaa99887766554433221100\", nextnonce=\"n\"",
        "rspauth=\"\x20\", nextnonce=\"n\"",
        "rspauth=\"ffeeddccbbaa9988776655443322110\"",
        "rspauth=\"" RSPAUTH "\", cnonce=\"0a4f113c\"",
        "rspauth=\"" RSPAUTH "\", nc=00000001",
        "rspauth=\"" RSPAUTH "\", nc=2",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (read_value(values[i]) != NISIM_MAC_FAILURE)
            fail_msg("%s", values[i]);
        expect_nothing();
    }
}

static void proves_nothing_without_rspauth(void **state)
{
    (void)state;
    const struct nisim_exchange unknown = {.nc = 1};
    assert_int_equal(read_value("nextnonce=\"n\""), NISIM_OK);
    assert_false(info.is_proven);
    assert_string_equal(info.next_nonce, "n");
    assert_string_equal(info.why, "");
    assert_int_equal(read_value("qop=auth"), NISIM_OK);
    assert_string_equal(info.next_nonce, "");
    assert_int_equal(nisim_authentication_info("rspauth=\"" RSPAUTH "\"", &unknown, &info),
                     NISIM_OK);
    assert_false(info.is_proven);
}

static void reads_a_whole_value(void **state)
{
    (void)state;
    static const char *const values[] = {
        "nextnonce=\"n/2 =\", qop=auth, rspauth=\"" RSPAUTH "\", cnonce=\"0a4f113b\", nc=00000002",
        "NextNonce = \"n/2 =\",RSPAUTH=FFEEDDCCBBAA99887766554433221100 , future=\"x, y=z\"",
    };
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(read_value(values[i]), NISIM_OK);
        assert_true(info.is_proven);
        assert_string_equal(info.next_nonce, "n/2 =");
        assert_string_equal(info.why, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_value),
        cmocka_unit_test(refuses_a_nonce_that_is_too_long),
        cmocka_unit_test(rejects_who_does_not_know_the_secret),
        cmocka_unit_test(proves_nothing_without_rspauth),
        cmocka_unit_test(reads_a_whole_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
