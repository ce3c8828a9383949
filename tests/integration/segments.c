/*
 * More segments of an appliance's trail than a test can wait for: segments CONFIG WRITER COUNT. The
 * writer's process must not be running.
 */
#include <stdio.h>
#include <stdlib.h>

#include "head.h"
#include "office.h"
#include "trail.h"

#define RECORDS 20 /* a segment */

static bool confirm(struct office *office, const char *writer, const struct audit_trail *trail)
{
    return audit_head_seal(office->token, writer, audit_trail_head(trail), &office->act.head) ==
               HSM_OK &&
           store_value_write(office->store, &office->act.head) == STORE_OK;
}

static bool write_segment(struct office *office, struct audit_trail *trail)
{
    for (int i = 0; i < RECORDS; i++)
        audit_trail_add(trail, (struct audit_record){.kind = AUDIT_REQUEST,
                                                     .person = "nobody",
                                                     .operation = "IDENTITY",
                                                     .subscriber = "none@ims.example.com",
                                                     .status = 0});
    return audit_trail_sign(trail, office->token, &office->act.signer) == HSM_OK &&
           audit_trail_flush(trail) && audit_trail_turn(trail);
}

static bool write_all(struct office *office, const char *writer, long count)
{
    char why[AUDIT_WHY_BYTES];
    struct audit_head head;
    bool good = token_find_signer(office->token, &office->act.signer) == HSM_OK &&
                audit_head_read(office->token, office->store, writer, &head) == HSM_OK;
    struct audit_trail *trail =
        good ? audit_trail_open(office->audit_path, writer, &head, why) : NULL;
    good = trail != NULL;
    for (long i = 0; good && i < count; i++)
        good = write_segment(office, trail) && confirm(office, writer, trail);
    audit_trail_close(&trail);
    return good;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.pin_fd = -1, .so_pin_fd = -1};
    struct office *office = NULL;
    if (argc != 4)
        return 2;
    arguments.config = argv[1];
    bool good = office_new(&arguments, &office) == OUTCOME_DONE &&
                office_open_store(office, false) == OUTCOME_DONE &&
                office_open_token(office, false) == OUTCOME_DONE &&
                office_prove_token(office) == OUTCOME_DONE &&
                write_all(office, argv[2], strtol(argv[3], NULL, 10));
    office_free(&office);
    return good ? 0 : 1;
}
