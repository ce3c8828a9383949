/* A PSKC file of subscribers. Must reach: import_pskc_open, its next, import_terms_of. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    return fuzz_import(bytes, length, import_pskc_open, 0);
}
