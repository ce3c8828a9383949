#include "secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES_BYTES 8192

/* The sanitizers' own mlock does nothing. */
#ifdef NISIM_SANITIZED
#define CAN_LOCK false
#else
#define CAN_LOCK true
#endif

static bool is_zero(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void differs_in_any_bit(void **state)
{
    (void)state;
    uint8_t one[16];
    for (size_t i = 0; i < sizeof one; i++)
        one[i] = (uint8_t)(i * 17 + 3);
    for (size_t bit = 0; bit < 8 * sizeof one; bit++) {
        uint8_t other[sizeof one];
        memcpy(other, one, sizeof one);
        assert_true(secret_equal(one, other, sizeof one));
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(secret_equal(one, other, sizeof one));
        assert_true(secret_equal(one, other, bit / 8));
    }
}

static void wipes_all_and_no_more(void **state)
{
    (void)state;
    uint8_t bytes[18];
    memset(bytes, 0xa5, sizeof bytes);
    secret_wipe(bytes + 1, sizeof bytes - 2);
    assert_int_equal(bytes[0], 0xa5);
    assert_true(is_zero(bytes + 1, sizeof bytes - 2));
    assert_int_equal(bytes[17], 0xa5);
}

struct probe {
    int *erased;
};

static void probe_erase(struct probe *probe)
{
    (*probe->erased)++;
}

static int leaves_early(int *erased, bool early)
{
    ERASED(probe) struct probe probe = {erased};
    if (early)
        return *probe.erased;
    return *probe.erased + 10;
}

static void erases_on_every_path_out_of_the_scope(void **state)
{
    (void)state;
    int erased = 0;
    assert_int_equal(leaves_early(&erased, true), 0);
    assert_int_equal(erased, 1);
    assert_int_equal(leaves_early(&erased, false), 11);
    assert_int_equal(erased, 2);
}

static void erases_each_kind_whole(void **state)
{
    (void)state;
    struct secret_pin pin = {.length = 4, .text = "1234"};
    struct secret64 res = {{1, 2, 3, 4, 5, 6, 7, 8}};
    struct secret128 key = {{1, [15] = 16}};
    secret_pin_erase(&pin);
    secret64_erase(&res);
    secret128_erase(&key);
    assert_true(is_zero((const uint8_t *)&pin, sizeof pin));
    assert_true(is_zero(res.bytes, sizeof res.bytes));
    assert_true(is_zero(key.bytes, sizeof key.bytes));
}

/* In the kernel's words (proc(5), smaps): lo is locked, dd is left out of core files. */
static bool page_has_flag(const void *address, const char *flag)
{
    char line[512];
    unsigned long from = 0;
    unsigned long to = 0;
    bool inside = false;
    bool found = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (unsigned long)address >= from && (unsigned long)address < to;
        found = inside && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, flag) != NULL;
    }
    fclose(maps);
    return found;
}

static void pages_are_locked_and_not_dumped(void **state)
{
    (void)state;
    uint8_t *pages = secret_pages_new(PAGES_BYTES);
    assert_non_null(pages);
    assert_true(is_zero(pages, PAGES_BYTES));
    memset(pages, 0xa5, PAGES_BYTES);
    assert_true(page_has_flag(pages, " lo") || !CAN_LOCK);
    assert_true(page_has_flag(pages, " dd"));
    secret_pages_free(pages, PAGES_BYTES);
    secret_pages_free(NULL, PAGES_BYTES);
}

static void a_child_does_not_inherit_pages(void **state)
{
    (void)state;
    uint8_t *pages = secret_pages_new(PAGES_BYTES);
    assert_non_null(pages);
    memset(pages, 0xa5, PAGES_BYTES);
    pid_t child = fork();
    if (child == 0)
        _exit(is_zero(pages, PAGES_BYTES) ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(pages[PAGES_BYTES - 1], 0xa5);
    secret_pages_free(pages, PAGES_BYTES);
}

static void without_memory_there_are_no_pages(void **state)
{
    (void)state;
    assert_null(secret_pages_new(SIZE_MAX / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differs_in_any_bit),
        cmocka_unit_test(wipes_all_and_no_more),
        cmocka_unit_test(erases_on_every_path_out_of_the_scope),
        cmocka_unit_test(erases_each_kind_whole),
        cmocka_unit_test(pages_are_locked_and_not_dumped),
        cmocka_unit_test(a_child_does_not_inherit_pages),
        cmocka_unit_test(without_memory_there_are_no_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
