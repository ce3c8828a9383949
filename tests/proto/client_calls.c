/*
 * libnisim as a WWSF uses it, for test_client.py: carries out the calls named on the command line
 * with one struct nisim, and prints "call result status: why" for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nisim.h"

static const uint8_t rand_sent[16] = {0x9f, 0x7c, 0x8d, 0x02, 0x1a, 0xcc, 0xf4, 0xdb,
                                      0x21, 0x3c, 0xcf, 0xf0, 0xc7, 0xf7, 0x1a, 0x6a};
static const uint8_t autn_sent[16] = {0xae, 0x4a, 0x3a, 0x9b, 0x4c, 0x97, 0x72, 0x5c,
                                      0x9c, 0xab, 0xc3, 0xe9, 0x9b, 0xaf, 0x72, 0x81};

static int is_blank(const struct nisim_answer *answer)
{
    static const struct nisim_answer blank;
    return memcmp(answer, &blank, sizeof blank) == 0;
}

static enum nisim_result authenticate(struct nisim *nisim)
{
    struct nisim_answer answer;
    memset(&answer, 0xa5, sizeof answer);
    enum nisim_result result =
        nisim_authenticate(nisim, NISIM_USER_ID, "+15551001", rand_sent, autn_sent, &answer);
    if (result != NISIM_OK && result != NISIM_SYNC_FAILURE && !is_blank(&answer))
        abort();
    nisim_answer_erase(&answer);
    if (!is_blank(&answer))
        abort();
    return result;
}

static enum nisim_result call(struct nisim *nisim, const char *name)
{
    static struct nisim_identity identity;
    if (strcmp(name, "connect") == 0)
        return nisim_connect(nisim);
    if (strcmp(name, "ping") == 0)
        return nisim_ping(nisim);
    if (strcmp(name, "identity") == 0)
        return nisim_identity(nisim, NISIM_IMPI, "alice@ims.example.com", &identity);
    if (strcmp(name, "nobody") == 0)
        return nisim_identity(nisim, NISIM_USER_ID, "", &identity);
    if (strcmp(name, "authenticate") == 0)
        return authenticate(nisim);
    abort();
}

/* client_calls SERVER CA CERTIFICATE KEY TIMEOUT_MS CALL... */
int main(int argc, char **argv)
{
    struct nisim *nisim = NULL;
    if (argc < 6)
        return 2;
    const struct nisim_options options = {.server = argv[1],
                                          .ca_file = argv[2],
                                          .certificate_file = argv[3],
                                          .key_file = argv[4],
                                          .timeout_ms = (unsigned)strtoul(argv[5], NULL, 10)};
    if (nisim_new(&options, &nisim) != NISIM_OK)
        return 1;
    for (int i = 6; i < argc; i++) {
        enum nisim_result result = call(nisim, argv[i]);
        printf("%s %d %s: %s\n", argv[i], (int)result, nisim_status_name(nisim),
               result == NISIM_OK ? nisim_client_name(nisim) : nisim_why(nisim));
        fflush(stdout);
    }
    nisim_free(&nisim);
    nisim_free(&nisim);
    return 0;
}
