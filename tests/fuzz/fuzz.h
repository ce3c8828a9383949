/* What a fuzzer defines, and libFuzzer or replay.c calls. */
#ifndef NISIM_TESTS_FUZZ_FUZZ_H
#define NISIM_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#endif
