/* Files to import, CSV and PSKC: what is refused, by line, and what comes out of a good one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "import_source.h"
#include "import_terms.h"
#include "secret.h"

#define HEADER "impi,impus,user_ids,domain,k,opc,kcv\n"
#define WRAPPED "000102030405060708090a0b0c0d0e0f1011121314151617"
#define BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
#define TAIL ",ims.example.com," WRAPPED "," BASE64 ",8a1b2c\n"
#define ROW(name) name "@ims.example.com,sip:" name "@ims.example.com," name TAIL

typedef bool (*open_file)(int descriptor, struct import_source *out_source,
                          char out_why[IMPORT_WHY_BYTES]);

struct opened {
    int descriptor;
    struct import_source source;
    struct import_row *row;
    struct import_terms *terms;
    char why[IMPORT_WHY_BYTES];
};

static int file_of(const char *bytes, size_t length)
{
    int descriptor = memfd_create("import", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, length), length);
    assert_int_equal(lseek(descriptor, 0, SEEK_SET), 0);
    return descriptor;
}

static struct opened open_bytes(open_file open, const char *bytes, size_t length)
{
    struct opened file = {.descriptor = file_of(bytes, length)};
    file.row = calloc(1, sizeof *file.row);
    file.terms = calloc(1, sizeof *file.terms);
    assert_non_null(file.row);
    assert_non_null(file.terms);
    if (!open(file.descriptor, &file.source, file.why))
        fail_msg("%s", file.why);
    return file;
}

static void close_file(struct opened *file)
{
    file->source.close(file->source.context);
    close(file->descriptor);
    free(file->row);
    free(file->terms);
}

static enum import_got next(struct opened *file)
{
    return file->source.next(file->source.context, file->row, file->why);
}

static void expect_row(struct opened *file, size_t line, const char *impi)
{
    if (next(file) != IMPORT_GOT_ROW)
        fail_msg("%s", file->why);
    assert_int_equal(file->row->line, line);
    assert_string_equal(file->row->values[IMPORT_IMPI], impi);
}

static void expect_bad(struct opened *file, size_t line, const char *why)
{
    assert_int_equal(next(file), IMPORT_GOT_BAD);
    assert_int_equal(file->row->line, line);
    if (strstr(file->why, why) == NULL)
        fail_msg("\"%s\" is not in: %s", why, file->why);
}

static void expect_no_file(open_file open, const char *text, const char *why)
{
    struct import_source source;
    char said[IMPORT_WHY_BYTES] = "";
    int descriptor = file_of(text, strlen(text));
    assert_false(open(descriptor, &source, said));
    if (strstr(said, why) == NULL)
        fail_msg("\"%s\" is not in: %s", why, said);
    close(descriptor);
}

static void bad_headers(void **state)
{
    (void)state;
    expect_no_file(import_csv_open, "", "the file is empty");
    expect_no_file(import_csv_open, "\n\r\n  \n", "the file is empty");
    expect_no_file(import_csv_open, "impi,impus,user_ids,k,opc\n", "no column \"domain\"");
    expect_no_file(import_csv_open, "impi,impus,user_ids,domain,opc\n", "no column \"k\"");
    expect_no_file(import_csv_open, "impi,impus,user_ids,domain,k\n", "\"op\" or \"opc\"");
    expect_no_file(import_csv_open, "impi,colour,impus\n", "unknown column 2 \"colour\"");
    expect_no_file(import_csv_open, "impi,impi,impus\n", "stands twice");
    expect_no_file(import_csv_open, "impi,im\"pus\n", "quotes");
    expect_no_file(import_csv_open, "impi,\xff\n", "not UTF-8");
    expect_no_file(import_csv_open, "\xff\xfei\0m\0", "not UTF-8");
    expect_no_file(import_csv_open, "impi\rimpus\n", "control characters");
}

static void bad_rows_do_not_harm_their_neighbours(void **state)
{
    (void)state;
    static const char text[] =
        HEADER ROW("alice") "\"bob@ims.example.com,x\n" ROW("carol") "too,few\n" ROW(
            "dave") "a,b,c,d,e,f,g,h\n" ROW("erin") "a\"b,c\n\n" ROW("frank") "1,2,3\r4,5,6,"
                                                                              "7\n" ROW("grace");
    struct opened file = open_bytes(import_csv_open, text, sizeof text - 1);
    expect_row(&file, 2, "alice@ims.example.com");
    expect_bad(&file, 3, "quotes");
    expect_row(&file, 4, "carol@ims.example.com");
    expect_bad(&file, 5, "2 fields, the header has 7");
    expect_row(&file, 6, "dave@ims.example.com");
    expect_bad(&file, 7, "8 fields");
    expect_row(&file, 8, "erin@ims.example.com");
    expect_bad(&file, 9, "quotes");
    expect_row(&file, 11, "frank@ims.example.com");
    expect_bad(&file, 12, "carriage return");
    expect_row(&file, 13, "grace@ims.example.com");
    assert_int_equal(next(&file), IMPORT_GOT_END);
    close_file(&file);
}

static void long_line(void **state)
{
    (void)state;
    const size_t long_bytes = 10 * 1024 * 1024;
    const size_t before = sizeof HEADER - 1 + sizeof ROW("alice") - 1;
    const size_t length = before + long_bytes + 1 + sizeof ROW("bob") - 1;
    char *text = malloc(length + 1);
    assert_non_null(text);
    memcpy(text, HEADER ROW("alice"), before);
    memset(text + before, 'x', long_bytes);
    memcpy(text + before + long_bytes, "\n" ROW("bob"), sizeof ROW("bob") + 1);
    struct opened file = open_bytes(import_csv_open, text, length);
    expect_row(&file, 2, "alice@ims.example.com");
    expect_bad(&file, 3, "longer than");
    expect_row(&file, 4, "bob@ims.example.com");
    assert_int_equal(next(&file), IMPORT_GOT_END);
    assert_int_equal(file.source.position(file.source.context), length);
    close_file(&file);
    free(text);
}

static void nul_in_a_row(void **state)
{
    (void)state;
    static const char text[] = HEADER "a\0b@ims.example.com,sip:a@b.c,a" TAIL ROW("bob");
    struct opened file = open_bytes(import_csv_open, text, sizeof text - 1);
    expect_bad(&file, 2, "NUL");
    expect_row(&file, 3, "bob@ims.example.com");
    close_file(&file);
}

static void marks_quotes_and_line_ends(void **state)
{
    (void)state;
    static const char text[] =
        "\xef\xbb\xbf\"IMPI\",impus, user_ids ,domain,k,opc\r\n"
        "\"al\xc3\xbc@ims.example.com\",\"sip:a@ims.example.com | tel:+1\",\"a, b|c\"\"d\","
        "ims.example.com," WRAPPED "," BASE64;
    struct opened file = open_bytes(import_csv_open, text, sizeof text - 1);
    expect_row(&file, 2, "al\xc3\xbc@ims.example.com");
    if (!import_terms_of(file.row, true, file.terms, file.why))
        fail_msg("%s", file.why);
    const struct arguments *wanted = &file.terms->arguments;
    assert_int_equal(wanted->impus_count, 2);
    assert_string_equal(wanted->impus[0], "sip:a@ims.example.com");
    assert_string_equal(wanted->impus[1], "tel:+1");
    assert_int_equal(wanted->user_ids_count, 2);
    assert_string_equal(wanted->user_ids[0], "a, b");
    assert_string_equal(wanted->user_ids[1], "c\"d");
    assert_int_equal(file.terms->k.bytes, 24);
    assert_int_equal(file.terms->op.bytes, 24);
    assert_memory_equal(file.terms->k.octets, file.terms->op.octets, 24);
    assert_true(file.terms->op_is_opc);
    assert_int_equal(next(&file), IMPORT_GOT_END);
    close_file(&file);
}

static void bad_terms(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        const char *why;
    } cases[] = {
        {"a,sip:a@b.c,a" TAIL, "impi \"a\": it is not user@realm"},
        {",sip:a@b.c,a" TAIL, "impi: it is empty"},
        {"\xff@b.c,sip:a@b.c,a" TAIL, "impi: it has control characters or is not UTF-8"},
        {"a@b.c,,a" TAIL, "impus: it is empty"},
        {"a@b.c,mailto:a@b.c,a" TAIL, "impus \"mailto:a@b.c\": it is not a SIP or tel URI"},
        {"a@b.c,sip:a@b.c sip:a@b.c,a" TAIL, "given twice"},
        {"a@b.c,sip:a@b.c," TAIL, "user_ids: it is empty"},
        {"a@b.c,sip:a@b.c,1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17" TAIL, "too many"},
        {"a@b.c,sip:a@b.c,a,localhost," WRAPPED "," BASE64 ",\n", "domain \"localhost\""},
        {"a@b.c,sip:a@b.c,a,b.c,," BASE64 ",\n", "k: it is empty"},
        {"a@b.c,sip:a@b.c,a,b.c," WRAPPED ",,\n", "neither OP nor OPc"},
        {"a@b.c,sip:a@b.c,a,b.c,0011,0011,\n", "k: it is not 24 bytes"},
        {"a@b.c,sip:a@b.c,a,b.c," WRAPPED ",!" BASE64 ",\n", "opc: it is not 24 bytes"},
        {"a@b.c,sip:a@b.c,a,b.c," WRAPPED "," BASE64 ",12\n", "kcv \"12\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        int length = snprintf(text, sizeof text, HEADER "%s", cases[i].row);
        struct opened file = open_bytes(import_csv_open, text, (size_t)length);
        assert_int_equal(next(&file), IMPORT_GOT_ROW);
        if (import_terms_of(file.row, true, file.terms, file.why))
            fail_msg("taken: %s", cases[i].row);
        if (strstr(file.why, cases[i].why) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].why, file.why);
        assert_null(strstr(file.why, "00010203"));
        close_file(&file);
    }
}

#define PSKC_BEGIN                                                                \
    "<?xml version='1.0' encoding='UTF-8'?>\n"                                    \
    "<KeyContainer Version='1.0' xmlns='urn:ietf:params:xml:ns:keyprov:pskc'\n"   \
    " xmlns:ds='http://www.w3.org/2000/09/xmldsig#' xmlns:n='urn:nisim:pskc:1'\n" \
    " xmlns:xenc='http://www.w3.org/2001/04/xmlenc#'>\n"                          \
    "<EncryptionKey><ds:KeyName>vendor-7</ds:KeyName></EncryptionKey>\n"
#define PSKC_END "</KeyContainer>\n"
#define KW128 "http://www.w3.org/2001/04/xmlenc#kw-aes128"
#define MILENAGE "urn:nisim:pskc:1:milenage"
#define VALUE(method)                                                                  \
    "<EncryptedValue><xenc:EncryptionMethod Algorithm='" method "'/><xenc:CipherData>" \
    "<xenc:CipherValue>\n  " BASE64 "\n</xenc:CipherValue></xenc:CipherData></EncryptedValue>"
#define PACKAGE(id, algorithm, k, opc)                                                          \
    "<KeyPackage><DeviceInfo><Manufacturer>x</Manufacturer></DeviceInfo><Key Id='" id           \
    "' Algorithm='" algorithm "'><Data><Secret>" k "</Secret><n:OPc>" opc "</n:OPc></Data>"     \
    "<Extensions><n:Subscription><n:Impu>sip:a@ims.example.com</n:Impu><n:Impu>tel:+1</n:Impu>" \
    "<n:UserIdentity>a</n:UserIdentity><n:Domain>ims.example.com</n:Domain><n:Kcv>8a1b2c"       \
    "</n:Kcv></n:Subscription></Extensions></Key></KeyPackage>\n"

static void pskc_packages(void **state)
{
    (void)state;
    static const char *const parts[] = {
        PSKC_BEGIN,
        PACKAGE("a@ims.example.com", MILENAGE, VALUE(KW128), VALUE(KW128)),
        PACKAGE("b@ims.example.com", "urn:ietf:params:xml:ns:keyprov:pskc:hotp", VALUE(KW128),
                VALUE(KW128)),
        PACKAGE("c@ims.example.com", MILENAGE, VALUE("http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
                VALUE(KW128)),
        PACKAGE("d@ims.example.com", MILENAGE, VALUE(KW128), "<PlainValue>AAAA</PlainValue>"),
        PACKAGE("e@ims.example.com", MILENAGE, VALUE(KW128), VALUE(KW128)),
        PSKC_END,
    };
    char text[8192] = "";
    size_t length = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s", parts[i]);
    struct opened file = open_bytes(import_pskc_open, text, length);
    expect_row(&file, 6, "a@ims.example.com");
    assert_string_equal(file.row->values[IMPORT_TRANSPORT_KEY], "vendor-7");
    assert_int_equal(file.row->wrap, IMPORT_WRAP_KW);
    if (!import_terms_of(file.row, true, file.terms, file.why))
        fail_msg("%s", file.why);
    assert_int_equal(file.terms->arguments.impus_count, 2);
    assert_int_equal(file.terms->k.bytes, 24);
    assert_int_equal(file.terms->op.bytes, 24);
    expect_bad(&file, 11, "not Algorithm \"urn:ietf:params:xml:ns:keyprov:pskc:hotp\"");
    expect_bad(&file, 16, "xmlenc#aes128-cbc\"");
    expect_bad(&file, 21, "one of its secrets is encrypted");
    expect_row(&file, 24, "e@ims.example.com");
    assert_int_equal(next(&file), IMPORT_GOT_END);
    close_file(&file);
}

static void broken_pskc(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *why;
    } cases[] = {
        {"<", "XML"},
        {"<a/>", "no PSKC file"},
        {"<KeyContainer/>", "no PSKC file"},
        {"<!DOCTYPE a [<!ENTITY e 'x'>]><KeyContainer/>", "document type"},
        {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><KeyContainer/>", "document type"},
        {PSKC_BEGIN "<KeyPackage>", "XML"},
        {PSKC_BEGIN "<KeyPackage></Key>", "XML"},
        {PSKC_BEGIN "<KeyPackage>&e;</KeyPackage>", "XML"},
        {PSKC_BEGIN "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"
                    "<a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
         "nested too deep"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct opened file = open_bytes(import_pskc_open, cases[i].text, strlen(cases[i].text));
        assert_int_equal(next(&file), IMPORT_GOT_BROKEN);
        if (strstr(file.why, cases[i].why) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].why, file.why);
        close_file(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_headers),
        cmocka_unit_test(bad_rows_do_not_harm_their_neighbours),
        cmocka_unit_test(long_line),
        cmocka_unit_test(nul_in_a_row),
        cmocka_unit_test(marks_quotes_and_line_ends),
        cmocka_unit_test(bad_terms),
        cmocka_unit_test(pskc_packages),
        cmocka_unit_test(broken_pskc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
