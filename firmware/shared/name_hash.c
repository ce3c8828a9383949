#include "name_hash.h"

uint64_t name_hash(const struct subscriber_name *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *c = name->text; *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    return hash;
}
