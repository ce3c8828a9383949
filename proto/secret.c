#include "secret.h"

#include <string.h>
#include <sys/mman.h>

void secret_wipe(void *bytes, size_t length)
{
    explicit_bzero(bytes, length);
}

bool secret_equal(const void *a, const void *b, size_t length)
{
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= (uint8_t)(left[i] ^ right[i]);
    return difference == 0;
}

void *secret_pages_new(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    if (mlock(pages, bytes) != 0 || madvise(pages, bytes, MADV_DONTDUMP) != 0 ||
        madvise(pages, bytes, MADV_WIPEONFORK) != 0) {
        munmap(pages, bytes);
        return NULL;
    }
    return pages;
}

void secret_pages_free(void *pages, size_t bytes)
{
    if (pages == NULL)
        return;
    secret_wipe(pages, bytes);
    munmap(pages, bytes);
}
