#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct text {
    const char *text;
    size_t length;
};

#define TEXT(literal)                  \
    {                                  \
        (literal), sizeof(literal) - 1 \
    }

static const struct text refused[] = {
    TEXT("\x00"),
    TEXT("a\x00"),
    TEXT("a\tb"),
    TEXT("a\nb"),
    TEXT("\x1f"),
    TEXT("\x7f"),
    TEXT("\xc2\x80"), /* the first and last of C1 */
    TEXT("\xc2\x9f"),
    TEXT("\x80"), /* a continuation with nothing before it */
    TEXT("\xbf"),
    TEXT("\xc0\x80"), /* NUL, / and others in a longer form than needed */
    TEXT("\xc0\xaf"),
    TEXT("\xc1\xbf"),
    TEXT("\xe0\x80\xaf"),
    TEXT("\xe0\x9f\xbf"),
    TEXT("\xf0\x80\x80\xaf"),
    TEXT("\xf0\x8f\xbf\xbf"),
    TEXT("\xed\xa0\x80"), /* the first and last surrogate */
    TEXT("\xed\xbf\xbf"),
    TEXT("\xf4\x90\x80\x80"), /* U+110000 */
    TEXT("\xf5\x80\x80\x80"),
    TEXT("\xf8\x88\x80\x80\x80"),
    TEXT("\xfe"),
    TEXT("\xff"),
    TEXT("\xc3"), /* cut short */
    TEXT("\xe2\x82"),
    TEXT("\xf0\x9f\x98"),
    TEXT("\xc3("), /* the continuation is none */
    TEXT("\xe2(\xa1"),
    TEXT("\xe2\x82("),
    TEXT("\xf0\x9f\x98("),
    TEXT("\xc3\xa4\xc3"),
};

static const struct text clean[] = {
    TEXT(""),
    TEXT(" "),
    TEXT("~"),
    TEXT("sip:+15550103@ims.example.com"),
    TEXT("\xc2\xa0"), /* U+00A0, the first after C1 */
    TEXT("J\xc3\xb6rg"),
    TEXT("\xdf\xbf"),         /* U+07FF */
    TEXT("\xe0\xa0\x80"),     /* U+0800 */
    TEXT("\xed\x9f\xbf"),     /* U+D7FF */
    TEXT("\xee\x80\x80"),     /* U+E000 */
    TEXT("\xef\xbf\xbf"),     /* U+FFFF */
    TEXT("\xf0\x90\x80\x80"), /* U+10000 */
    TEXT("\xf4\x8f\xbf\xbf"), /* U+10FFFF */
};

static void refuses_what_is_not_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (text_is_clean(refused[i].text, refused[i].length))
            fail_msg("refused[%zu] was taken", i);
    }
}

static void refuses_each_control_character(void **state)
{
    (void)state;
    for (unsigned point = 0; point < 0xa0; point++) {
        char text[] = {'a', (char)point, 'b', 0};
        char c1[] = {'a', (char)0xc2, (char)point, 'b'};
        bool wanted = point >= 0x20 && point < 0x7f;
        if (point < 0x80 && text_is_clean(text, 3) != wanted)
            fail_msg("U+%04X", point);
        if (point >= 0x80 && text_is_clean(c1, sizeof c1))
            fail_msg("U+%04X", point);
    }
}

static void takes_what_is_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof clean / sizeof clean[0]; i++) {
        if (!text_is_clean(clean[i].text, clean[i].length))
            fail_msg("clean[%zu] was refused", i);
    }
}

/* A sequence that ends after `length` must not be looked at beyond it. */
static void does_not_look_past_the_end(void **state)
{
    (void)state;
    const char *euro = "\xe2\x82\xac";
    assert_false(text_is_clean(euro, 1));
    assert_false(text_is_clean(euro, 2));
    assert_true(text_is_clean(euro, 3));
}

static void quotable_is_clean_without_quote_and_backslash(void **state)
{
    (void)state;
    static const struct text unquotable[] = {
        TEXT("\""),     TEXT("a\"b"), TEXT("\\"),   TEXT("ab\\"),
        TEXT("a\r\nb"), TEXT("a\0b"), TEXT("\xc3"), TEXT("\xc2\x85"),
    };
    for (size_t i = 0; i < sizeof unquotable / sizeof unquotable[0]; i++) {
        if (text_is_quotable(unquotable[i].text, unquotable[i].length))
            fail_msg("unquotable[%zu] was taken", i);
    }
    for (size_t i = 0; i < sizeof clean / sizeof clean[0]; i++) {
        if (!text_is_quotable(clean[i].text, clean[i].length))
            fail_msg("clean[%zu] was refused", i);
    }
    assert_true(text_is_quotable("a\"", 1));
    assert_true(text_is_quotable("<sip:a@b>;c='d', e", 18));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_clean),
        cmocka_unit_test(refuses_each_control_character),
        cmocka_unit_test(takes_what_is_clean),
        cmocka_unit_test(does_not_look_past_the_end),
        cmocka_unit_test(quotable_is_clean_without_quote_and_backslash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
