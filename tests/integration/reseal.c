/* Seals a record as it lies in the store, whatever stands in it: reseal CONFIG IMPI. For tests. */
#include <stdio.h>

#include "lookup.h"

int main(int argc, char **argv)
{
    struct arguments arguments = {.pin_fd = -1, .so_pin_fd = -1};
    struct office *office = NULL;
    if (argc != 3)
        return 2;
    arguments.config = argv[1];
    bool good = office_new(&arguments, &office) == OUTCOME_DONE &&
                office_open_store(office, false) == OUTCOME_DONE &&
                lookup_subscriber(office, argv[2]) == OUTCOME_DONE &&
                office_open_token(office, false) == OUTCOME_DONE &&
                office_prove_token(office) == OUTCOME_DONE &&
                subscription_seal(office->token, &office->subscription) == HSM_OK &&
                store_update(office->store, &office->subscription) == STORE_OK;
    office_free(&office);
    return good ? 0 : 1;
}
