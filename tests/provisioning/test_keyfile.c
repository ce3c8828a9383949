/* The reader of key files: what it refuses, and what it says without giving anything away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keyfile.h"

#define K_HEX "465b5ce8b199b49faa5f0a2ee238a6bc"
#define OP_HEX "cdc202d5123e20f62b6d676ac72cb318"

static const uint8_t k_bytes[16] = {0x46, 0x5b, 0x5c, 0xe8, 0xb1, 0x99, 0xb4, 0x9f,
                                    0xaa, 0x5f, 0x0a, 0x2e, 0xe2, 0x38, 0xa6, 0xbc};
static const uint8_t op_bytes[16] = {0xcd, 0xc2, 0x02, 0xd5, 0x12, 0x3e, 0x20, 0xf6,
                                     0x2b, 0x6d, 0x67, 0x6a, 0xc7, 0x2c, 0xb3, 0x18};

/* A pipe holds more than the longest file. */
static struct keyfile *read_bytes(const char *bytes, size_t length, char why[KEYFILE_WHY_BYTES])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, length), length);
    close(ends[1]);
    struct keyfile *keyfile = keyfile_read(ends[0], why);
    close(ends[0]);
    return keyfile;
}

static void assert_refused(const char *text, const char *expected)
{
    char why[KEYFILE_WHY_BYTES] = "";
    struct keyfile *keyfile = read_bytes(text, strlen(text), why);
    assert_null(keyfile);
    assert_string_equal(why, expected);
}

static void assert_read(const char *text, bool op_is_opc)
{
    char why[KEYFILE_WHY_BYTES] = "";
    struct keyfile *keyfile = read_bytes(text, strlen(text), why);
    assert_non_null(keyfile);
    assert_memory_equal(keyfile->k.bytes, k_bytes, sizeof k_bytes);
    assert_memory_equal(keyfile->op.bytes, op_bytes, sizeof op_bytes);
    assert_int_equal(keyfile->op_is_opc, op_is_opc);
    keyfile_free(&keyfile);
    assert_null(keyfile);
}

static void refuses_what_is_missing(void **state)
{
    (void)state;
    assert_refused("", "it has no line K=");
    assert_refused("# nothing\n\n", "it has no line K=");
    assert_refused("OP=" OP_HEX "\n", "it has no line K=");
    assert_refused("K=" K_HEX "\n", "it has no line OP= or OPc=");
}

static void refuses_what_stands_too_often(void **state)
{
    (void)state;
    assert_refused("K=" K_HEX "\nK=" K_HEX "\nOP=" OP_HEX "\n", "line 2: K stands twice");
    assert_refused("K=" K_HEX "\nOP=" OP_HEX "\nOP=" OP_HEX "\n", "line 3: OP stands twice");
    assert_refused("OP=" OP_HEX "\nOPc=" OP_HEX "\nK=" K_HEX "\n",
                   "line 2: both OP and OPc are given; give exactly one");
    assert_refused("OPc=" OP_HEX "\nOP=" OP_HEX "\nK=" K_HEX "\n",
                   "line 2: both OP and OPc are given; give exactly one");
}

static void refuses_what_is_not_32_hex_digits(void **state)
{
    (void)state;
    assert_refused("K=465b5ce8b199b49faa5f0a2ee238a6b\n", "line 1: K is not 32 hex digits");
    assert_refused("K=" K_HEX "0\n", "line 1: K is not 32 hex digits");
    assert_refused("K=" K_HEX "00\n", "line 1: K is not 32 hex digits");
    assert_refused("K=\n", "line 1: K is not 32 hex digits");
    assert_refused("K=g65b5ce8b199b49faa5f0a2ee238a6bc\n", "line 1: K is not 32 hex digits");
    assert_refused("K= " K_HEX "\n", "line 1: K is not 32 hex digits");
    assert_refused("K=0x5b5ce8b199b49faa5f0a2ee238a6bc\n", "line 1: K is not 32 hex digits");
    assert_refused("#\nK=" K_HEX "\nOPc=ff", "line 3: OPc is not 32 hex digits");
}

static void refuses_other_lines(void **state)
{
    (void)state;
    const char *expected = "line 1: not K=, OP= or OPc= and 32 hex digits";
    assert_refused("k=" K_HEX "\n", expected);
    assert_refused("OPC=" OP_HEX "\n", expected);
    assert_refused("K " K_HEX "\n", expected);
    assert_refused("K =" K_HEX "\n", expected);
    assert_refused(K_HEX "\n", expected);
    assert_refused("=\n", expected);
    assert_refused("KK=" K_HEX "\n", expected);
}

static void refuses_a_nul(void **state)
{
    (void)state;
    static const char text[] = "K=" K_HEX "\0\nOP=" OP_HEX "\n";
    char why[KEYFILE_WHY_BYTES] = "";
    assert_null(read_bytes(text, sizeof text - 1, why));
    assert_string_equal(why, "line 1: K is not 32 hex digits");
}

static void refuses_a_file_that_is_too_long(void **state)
{
    (void)state;
    static const char start[] = "K=" K_HEX "\nOP=" OP_HEX "\n";
    static char text[KEYFILE_BYTES_MAX + 2];
    memset(text, '\n', sizeof text);
    memcpy(text, start, sizeof start - 1);
    text[KEYFILE_BYTES_MAX + 1] = '\0';
    assert_refused(text, "it is longer than 4096 bytes");
    text[KEYFILE_BYTES_MAX] = '\0';
    assert_read(text, false);
}

static void refuses_what_it_cannot_read(void **state)
{
    (void)state;
    char why[KEYFILE_WHY_BYTES] = "";
    assert_null(keyfile_read(-1, why));
    assert_string_equal(why, "it can't be read: Bad file descriptor");
}

static void reads_op_and_opc_in_any_order(void **state)
{
    (void)state;
    assert_read("K=" K_HEX "\nOP=" OP_HEX "\n", false);
    assert_read("OPc=" OP_HEX "\nK=" K_HEX, true);
    assert_read("# set 1\n\n  K=" K_HEX "  \r\n\t# more\nOPc=" OP_HEX "\r\n\n", true);
    assert_read("K=465B5CE8B199B49FAA5F0A2EE238A6BC\nOP=" OP_HEX "\n", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_missing),
        cmocka_unit_test(refuses_what_stands_too_often),
        cmocka_unit_test(refuses_what_is_not_32_hex_digits),
        cmocka_unit_test(refuses_other_lines),
        cmocka_unit_test(refuses_a_nul),
        cmocka_unit_test(refuses_a_file_that_is_too_long),
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(reads_op_and_opc_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
