/* The TS 35.208 sets of tests/vectors/milenage_vectors.json. Public test data. */
#ifndef NISIM_TESTS_VECTORS_H
#define NISIM_TESTS_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#define VECTOR_SETS 20

struct vector {
    uint8_t k[16];
    uint8_t op[16];
    uint8_t opc[16];
    uint8_t rand[16];
    uint8_t sqn[6];
    uint8_t amf[2];
    uint8_t mac_a[8];
    uint8_t mac_s[8];
    uint8_t res[8];
    uint8_t ck[16];
    uint8_t ik[16];
    uint8_t ak[6];
    uint8_t ak_star[6];
    uint8_t autn[16];
    uint8_t auts[14]; /* for SQN_MS = sqn */
};

/* Fails the test when the file can't be read. */
void vectors_load(struct vector out_vectors[VECTOR_SETS]);

#endif
