#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "config.h"

#define TOP "listen = \"127.0.0.1:7443\";\nstore = \"state/nisim.db\";\n"
#define TLS                                                                           \
    "tls: {\n certificate = \"pki/server.pem\";\n key = \"/etc/nisim/server.key\";\n" \
    " client_ca = \"pki/ca.pem\";\n};\n"
#define TOKEN \
    "token: {\n module = \"/usr/lib/module.so\";\n label = \"nisim\";\n pin_file = \"pin\";\n};\n"
#define CLIENT                                                        \
    "{ name = \"wwsf-1\"; certificate = \"dns:wwsf1.example.com\";\n" \
    "domains = (\"ims.example.com\"); forms = (\"card\"); }"
#define CLIENTS "clients = (\n" CLIENT "\n);\n"
#define REST TLS TOKEN CLIENTS

#define SHA                                            \
    "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:" \
    "00112233445566778899AABBCCDDEEFF"

/* The text as a file that has no name, read as `path`. */
static struct config *read_as(const char *path, const char *text, char *why)
{
    int descriptor = memfd_create("configuration", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), (ssize_t)strlen(text));
    struct config *config = config_read_descriptor(descriptor, path, why);
    close(descriptor);
    return config;
}

static struct config *read_good(const char *text)
{
    char why[CONFIG_WHY_BYTES] = "";
    struct config *config = read_as("/etc/nisim/nisim.conf", text, why);
    if (config == NULL)
        fail_msg("refused: %s", why);
    return config;
}

/* Each is refused, and told so in these words. */
static const struct {
    const char *text;
    const char *why;
} refused[] = {
    {TOP REST "bogus = 1;\n", "nisim.conf:17: bogus: no such option; nisim.conf(5) lists them"},
    {TOP REST "limits: {\n bogus = 1;\n};\n", "nisim.conf:18: limits.bogus: no such option"},
    {TOP REST "bogus: { keepers = 1; };\n", "nisim.conf:17: bogus: no such option"},
    {TOP REST "limits = 5;\n", "nisim.conf:17: limits: is a group; write limits: { ... };"},
    {TOP REST "keepers = 0;\n", "nisim.conf:17: keepers: 0 is not between 1 and 64"},
    {TOP REST "keepers = 65;\n", "nisim.conf:17: keepers: 65 is not between 1 and 64"},
    {TOP REST "keepers = -1;\n", "nisim.conf:17: keepers: -1 is not between 1 and 64"},
    {TOP REST "keepers = 4294967298L;\n", "nisim.conf:17: keepers: 4294967298 is not between"},
    {TOP REST "keepers = \"2\";\n", "keepers: is not a whole number; write one from 1 to 64"},
    {TOP REST "keepers = 2.0;\n", "keepers: is not a whole number"},
    {TOP REST "keepers = true;\n", "keepers: is not a whole number"},
    {TOP REST "keepers = 1;\nkeepers = 2;\n", "nisim.conf:18: duplicate setting name"},
    {TOP REST "log = \"loud\";\n", "nisim.conf:17: log: \"loud\" is not a level; write debug"},
    {TOP REST "log = \"\";\n", "nisim.conf:17: log: is empty"},
    {TOP REST "log = \"in\\nfo\";\n", "nisim.conf:17: log: has a control character"},
    {TOP REST "log = 3;\n", "nisim.conf:17: log: is not a text; write it in double quotes"},
    {TOP REST "users: {\n front = true;\n};\n", "nisim.conf:18: users.front: is not a text"},
    {TOP REST "this is no configuration\n", "nisim.conf:17: syntax error"},
    {"", "nisim.conf:1: listen: is missing; it is required: address and port to serve"},
    {"listen = \"127.0.0.1:1\";\n" REST, "nisim.conf:1: store: is missing; it is required"},
    {"listen = \"localhost:7443\";\nstore = \"s\";\n" REST,
     "nisim.conf:1: listen: \"localhost:7443\" is not an address and a port; write as"},
    {TOP "metrics = \"localhost:9464\";\n" REST,
     "nisim.conf:3: metrics: \"localhost:9464\" is not an address and a port; write as"},
    {TOP "tls: { certificate = \"c\";\n key = \"k\"; };\n" TOKEN CLIENTS,
     "nisim.conf:3: tls.client_ca: is missing; it is required: PEM file"},
    {TOP TOKEN CLIENTS
     "tls: { certificate = \"c\";\n key = \"k\";\n client_ca = \"a\";\n minimum = \"1.1\"; };\n",
     "nisim.conf:15: tls.minimum: \"1.1\" is not a version served here"},
    {TOP TOKEN CLIENTS
     "tls: { certificate = \"c\";\n key = \"k\";\n client_ca = \"a\";\n module = \"m\"; };\n",
     "nisim.conf:15: tls.module: is set, but tls.key is a file"},
    {TOP TOKEN CLIENTS
     "tls: { certificate = \"c\";\n key = \"pkcs11:token=tls\";\n client_ca = \"a\"; };\n",
     "nisim.conf:13: tls.module: is missing; tls.key is in a token and needs it"},
    {TOP TLS CLIENTS "token: { module = \"m\";\n pin_file = \"p\"; };\n",
     "nisim.conf:12: token: none of label, serial and uri is set; set exactly one"},
    {TOP TLS CLIENTS
     "token: { module = \"m\";\n pin_file = \"p\";\n label = \"a\"; serial = \"1\"; };\n",
     "nisim.conf:12: token: more than one of label, serial and uri is set; set exactly one"},
    {TOP TLS CLIENTS "token: { module = \"m\";\n pin_file = \"p\";\n uri = \"token=a\"; };\n",
     "nisim.conf:14: token.uri: \"token=a\" does not begin with pkcs11:"},
    {TOP TLS CLIENTS "token: { module = \"m\"; pin_file = \"p\"; label = \"a\"; network = 1; };\n",
     "nisim.conf:12: token.network: is neither true nor false"},
    {TOP TLS TOKEN, "nisim.conf:1: clients: is missing; list who may ask, or write ()"},
};

static const struct {
    const char *clients;
    const char *why;
} refused_clients[] = {
    {"{}", "nisim.conf:13: clients: is not a list; write ( { ... }, { ... } )"},
    {"(\n\"wwsf-1\")", "nisim.conf:14: clients[0]: is not a group; write { name = ...; }"},
    {"({ name = \"a\"; })", "clients[0].certificate: is missing; it is required"},
    {"({ certificate = \"dns:a\"; })", "clients[0].name: is missing; it is required"},
    {"({ name = 1; certificate = \"dns:a\"; })", "clients[0].name: is not a text"},
    {"({ name = \"a\";\ncertificate = \"cn:a\"; })",
     "nisim.conf:14: clients[0].certificate: \"cn:a\" begins with none of dns: uri: sha256:"},
    {"({ name = \"a\"; certificate = \"dns:*.a\"; })", "\"*.a\" is not a DNS name"},
    {"({ name = \"a\"; certificate = \"dns:\"; })", "\"\" is not a DNS name"},
    {"({ name = \"a\"; certificate = \"uri:here\"; })", "\"here\" is not a URI"},
    {"({ name = \"a\"; certificate = \"sha256:0011\"; })", "is 64 hex digits"},
    {"({ name = \"a\"; certificate = \"sha256:" SHA "0\"; })", "is 64 hex digits"},
    {"({ name = \"a\"; certificate = \"dns:a\"; })", "clients[0].domains: is missing"},
    {"({ name = \"a\"; certificate = \"dns:a\"; domains = \"b\"; })",
     "clients[0].domains: is not a list; write (\"...\", \"...\")"},
    {"({ name = \"a\"; certificate = \"dns:a\"; domains = (); })",
     "clients[0].domains: has 0 entries; write 1 to 32"},
    {"({ name = \"a\"; certificate = \"dns:a\"; domains = (\"b\", 1); })",
     "clients[0].domains: is not a text"},
    {"({ name = \"a\"; certificate = \"dns:a\"; domains = (\"*.b\"); })",
     "clients[0].domains: \"*.b\" is not a domain; write its name, or \"*\" for all"},
    {"({ name = \"a\"; certificate = \"dns:a\"; domains = (\"b\"); forms = (); })",
     "clients[0].forms: has 0 entries; write 1 to 6"},
    {"({ name = \"a\"; certificate = \"dns:a\"; domains = (\"b\");\nforms = (\"sim\"); })",
     "nisim.conf:14: clients[0].forms: no form is called \"sim\"; there are "
     "\"digest\", \"ha1\", \"card\", \"files\", \"apdu\" and \"gba\""},
    {"({ name = \"a\"; certificate = \"dns:a\"; domains = (\"b\");\n"
     "forms = (\"digest\", \"ha1\", \"card\", \"files\", \"apdu\", \"gba\", \"card\"); })",
     "nisim.conf:14: clients[0].forms: has 7 entries; write 1 to 6"},
    {"(" CLIENT ",\n{ name = \"wwsf-2\"; })", "nisim.conf:15: clients[1].certificate: is missing"},
    {"(" CLIENT ",\n" CLIENT ")", "clients[1].name: \"wwsf-1\" is the name of clients[0] too"},
    {"(" CLIENT ", { name = \"b\"; certificate = \"dns:WWSF1.example.com\"; domains = (\"*\");"
     " forms = (\"card\"); })",
     "clients[1].certificate: is that of clients[0], \"wwsf-1\", too"},
    {"({ name = \"a\"; certificate = \"dns:a\"; domains = (\"b\"); forms = (\"card\");\n"
     "form = 1; })",
     "nisim.conf:14: clients[0].form: no such option"},
};

static void expect_refusal(const char *text, const char *expected)
{
    char why[CONFIG_WHY_BYTES] = "";
    struct config *config = read_as("nisim.conf", text, why);
    if (config != NULL || strstr(why, expected) == NULL)
        fail_msg("expected \"%s\", got \"%s\" for\n%s", expected, why, text);
}

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        expect_refusal(refused[i].text, refused[i].why);
}

static void test_refuses_clients(void **state)
{
    (void)state;
    char text[4096];
    for (size_t i = 0; i < sizeof refused_clients / sizeof refused_clients[0]; i++) {
        snprintf(text, sizeof text, "%sclients = %s;\n", TOP TLS TOKEN, refused_clients[i].clients);
        expect_refusal(text, refused_clients[i].why);
    }
}

static void test_takes_all_values(void **state)
{
    (void)state;
    struct config *config = read_good(TOP REST "log = \"debug\"; users: { front = \"www\"; };\n");
    assert_string_equal(config->listen, "127.0.0.1:7443");
    assert_string_equal(config->store, "/etc/nisim/state/nisim.db");
    assert_string_equal(config->tls_certificate, "/etc/nisim/pki/server.pem");
    assert_string_equal(config->tls_key, "/etc/nisim/server.key");
    assert_string_equal(config->token_module, "/usr/lib/module.so");
    assert_string_equal(config->token_label, "nisim");
    assert_string_equal(config->log, "debug");
    assert_string_equal(config->user_front, "www");
    assert_null(config->user_keeper);
    assert_null(config->tls_crl);
    assert_false(config->token_network);
    assert_int_equal(config->client_count, 1);
    assert_string_equal(config->clients[0].name, "wwsf-1");
    assert_int_equal(config->clients[0].forms, FORM_BIT(FORM_CARD));
    config_free(&config);
    assert_null(config);
}

static void test_usual_values(void **state)
{
    (void)state;
    struct config *config = read_good(TOP REST);
#define OPTION_TEXT(path, member, need, text)
#define OPTION_NUMBER(path, member, usual, least, most, text) \
    assert_int_equal(config->member, usual);
#define OPTION_SWITCH(path, member, usual, text) assert_int_equal(config->member, usual);
#include "options.def"
    config_free(&config);
}

/* The text with one number in the place its path says. */
static void text_with_number(const char *path, int64_t number, char *out_text, size_t room)
{
    const char *dot = strchr(path, '.');
    const char *name = dot == NULL ? path : dot + 1;
    if (dot == NULL)
        snprintf(out_text, room, "%s%s = %lldL;\n", TOP REST, name, (long long)number);
    else if (strncmp(path, "token.", 6) == 0)
        snprintf(out_text, room,
                 "%stoken: { module = \"m\"; label = \"l\"; pin_file = \"p\"; %s = %lldL; };\n",
                 TOP TLS CLIENTS, name, (long long)number);
    else
        snprintf(out_text, room, "%s%.*s: { %s = %lldL; };\n", TOP REST, (int)(dot - path), path,
                 name, (long long)number);
}

static struct config *read_number(const char *path, int64_t number)
{
    char text[4096];
    char why[CONFIG_WHY_BYTES];
    text_with_number(path, number, text, sizeof text);
    struct config *config = read_as("nisim.conf", text, why);
    if (config == NULL)
        assert_non_null(strstr(why, "is not between"));
    return config;
}

static const struct {
    const char *path;
    size_t offset;
    int64_t least;
    int64_t most;
} numbers[] = {
#define OPTION_TEXT(path, member, need, text)
#define OPTION_NUMBER(path, member, usual, least, most, text) \
    {path, offsetof(struct config, member), least, most},
#define OPTION_SWITCH(path, member, usual, text)
#include "options.def"
};

static void test_bounds_of_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const int64_t good[] = {numbers[i].least, numbers[i].most};
        for (size_t j = 0; j < 2; j++) {
            struct config *config = read_number(numbers[i].path, good[j]);
            assert_non_null(config);
            uint32_t value = 0;
            memcpy(&value, (const char *)config + numbers[i].offset, sizeof value);
            assert_int_equal(value, good[j]);
            config_free(&config);
        }
        assert_null(read_number(numbers[i].path, numbers[i].least - 1));
        assert_null(read_number(numbers[i].path, numbers[i].most + 1));
    }
}

static void test_matches_of_clients(void **state)
{
    (void)state;
    struct config *config = read_good(
        TOP TLS TOKEN "clients = ({ name = \"a\"; certificate = \"uri:urn:nisim:a\";"
                      " domains = [\"Ims.Example.com\", \"b\"]; forms = [\"ha1\"]; },"
                      " { name = \"b\"; certificate = \"sha256:" SHA "\"; domains = (\"*\");"
                      " forms = (\"card\", \"digest\"); });\n");
    const struct client *first = &config->clients[0];
    const struct client *second = &config->clients[1];
    assert_int_equal(first->match, CLIENT_BY_URI);
    assert_string_equal(first->pattern, "urn:nisim:a");
    assert_true(client_may_ask_domain(first, "ims.example.COM"));
    assert_true(client_may_ask_domain(first, "b"));
    assert_false(client_may_ask_domain(first, "example.com"));
    assert_false(client_may_ask_domain(first, ""));
    assert_int_equal(first->forms, FORM_BIT(FORM_HA1));
    assert_int_equal(second->match, CLIENT_BY_SHA256);
    assert_null(second->pattern);
    assert_int_equal(second->fingerprint[1], 0x11);
    assert_int_equal(second->fingerprint[31], 0xff);
    assert_true(client_may_ask_domain(second, "anything"));
    assert_int_equal(second->forms, FORM_BIT(FORM_CARD) | FORM_BIT(FORM_DIGEST));
    config_free(&config);
}

static void test_digest_is_the_usual_form(void **state)
{
    (void)state;
    struct config *config = read_good(TOP TLS TOKEN "clients = ({ name = \"a\"; certificate ="
                                                    " \"dns:a\"; domains = (\"b\"); });\n");
    assert_int_equal(config->clients[0].forms, FORM_BIT(FORM_DIGEST));
    config_free(&config);
}

static void test_no_client_at_all(void **state)
{
    (void)state;
    struct config *config = read_good(TOP TLS TOKEN "clients = ();\n");
    assert_int_equal(config->client_count, 0);
    config_free(&config);
}

static void test_key_in_a_token(void **state)
{
    (void)state;
    struct config *config =
        read_good(TOP TOKEN CLIENTS "tls: { certificate = \"c\"; key = \"pkcs11:token=tls\";"
                                    " client_ca = \"a\"; module = \"m\"; pin_file = \"p\"; };\n");
    assert_string_equal(config->tls_key, "pkcs11:token=tls");
    assert_string_equal(config->tls_module, "/etc/nisim/m");
    config_free(&config);
}

static void test_relative_to_working_folder(void **state)
{
    (void)state;
    char here[1024];
    char expected[2048];
    char why[CONFIG_WHY_BYTES];
    assert_non_null(getcwd(here, sizeof here));
    struct config *config = read_as("nisim.conf", TOP REST, why);
    assert_non_null(config);
    snprintf(expected, sizeof expected, "%s/state/nisim.db", here);
    assert_string_equal(config->store, expected);
    config_free(&config);
    config = read_as("conf/nisim.conf", TOP REST, why);
    assert_non_null(config);
    snprintf(expected, sizeof expected, "%s/conf/state/nisim.db", here);
    assert_string_equal(config->store, expected);
    config_free(&config);
}

static void test_include_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/nisim-include-XXXXXX";
    char text[4096];
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "keepers = 3;\n", 13), 13);
    close(descriptor);
    snprintf(text, sizeof text, "%s@include \"%s\"\n", TOP REST, path);
    expect_refusal(text, "keepers: is in a file of @include; write it here");
    unlink(path);
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    char why[CONFIG_WHY_BYTES];
    assert_null(config_read_path("/nowhere/nisim.conf", why));
    assert_string_equal(why, "/nowhere/nisim.conf: No such file or directory");
    assert_null(config_read_path("/tmp", why));
    assert_string_equal(why, "/tmp: Is a directory");
    int descriptor = memfd_create("configuration", MFD_CLOEXEC);
    assert_int_equal(write(descriptor, "a\0b", 3), 3);
    assert_null(config_read_descriptor(descriptor, "nisim.conf", why));
    assert_non_null(strstr(why, "has a NUL in it"));
    assert_int_equal(ftruncate(descriptor, 2 * 1048576), 0);
    assert_null(config_read_descriptor(descriptor, "nisim.conf", why));
    assert_non_null(strstr(why, "is larger than"));
    close(descriptor);
}

static void test_example(void **state)
{
    (void)state;
    char why[CONFIG_WHY_BYTES] = "";
    struct config *config =
        config_read_path(NISIM_SOURCE_DIR "/firmware/nisimd/nisim.conf.example", why);
    assert_string_equal(why, "");
    assert_non_null(config);
    assert_int_equal(config->client_count, 2);
    assert_int_equal(config->clients[0].forms, FORM_BIT(FORM_DIGEST));
    assert_int_equal(config->clients[1].forms,
                     FORM_BIT(FORM_DIGEST) | FORM_BIT(FORM_HA1) | FORM_BIT(FORM_CARD));
    config_free(&config);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "127.0.0.1",    "127.0.0.1:",   ":7443",     "127.0.0.1:65536",
        "::1:80",  "[::1:80",      "[::1]80",      "[]:80",     "127.0.0.1:-1",
        "1.2.3:4", "127.0.0.1:8x", "[1.2.3.4]:80", "[::1%lo]:1"};
    static const char *const good[] = {"127.0.0.1:7443", "0.0.0.0:0", "[::]:65535", "[::1]:1"};
    struct address address;
    char text[ADDRESS_TEXT_BYTES];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(address_parse(bad[i], &address));
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(address_parse(good[i], &address));
        address_format(&address, text);
        assert_string_equal(text, good[i]);
    }
}

static void test_forms(void **state)
{
    (void)state;
    assert_int_equal(form_from_name("card"), FORM_CARD);
    assert_int_equal(form_from_name("digest"), FORM_DIGEST);
    assert_int_equal(form_from_name("ha1"), FORM_HA1);
    assert_int_equal(form_from_name("files"), FORM_FILES);
    assert_int_equal(form_from_name("apdu"), FORM_APDU);
    assert_int_equal(form_from_name("gba"), FORM_GBA);
    assert_int_equal(form_from_name("Card"), 0);
    assert_int_equal(form_from_name(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_clients),
        cmocka_unit_test(test_takes_all_values),
        cmocka_unit_test(test_usual_values),
        cmocka_unit_test(test_bounds_of_numbers),
        cmocka_unit_test(test_matches_of_clients),
        cmocka_unit_test(test_no_client_at_all),
        cmocka_unit_test(test_key_in_a_token),
        cmocka_unit_test(test_relative_to_working_folder),
        cmocka_unit_test(test_include_is_refused),
        cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_digest_is_the_usual_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
