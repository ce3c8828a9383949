/* A CSV file of subscribers. Must reach: import_csv_open, its next, import_terms_of. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    return fuzz_import(bytes, length, import_csv_open, 1);
}
