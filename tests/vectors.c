#include "vectors.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "hex.h"

static void take(json_t *set, const char *name, uint8_t *out, size_t octets)
{
    const char *text = json_string_value(json_object_get(set, name));
    assert_non_null(text);
    assert_true(hex_decode(text, strlen(text), out, octets));
}

static void take_set(json_t *set, struct vector *out)
{
    take(set, "k", out->k, sizeof out->k);
    take(set, "op", out->op, sizeof out->op);
    take(set, "opc", out->opc, sizeof out->opc);
    take(set, "rand", out->rand, sizeof out->rand);
    take(set, "sqn", out->sqn, sizeof out->sqn);
    take(set, "amf", out->amf, sizeof out->amf);
    take(set, "f1", out->mac_a, sizeof out->mac_a);
    take(set, "f1star", out->mac_s, sizeof out->mac_s);
    take(set, "f2", out->res, sizeof out->res);
    take(set, "f3", out->ck, sizeof out->ck);
    take(set, "f4", out->ik, sizeof out->ik);
    take(set, "f5", out->ak, sizeof out->ak);
    take(set, "f5star", out->ak_star, sizeof out->ak_star);
    take(set, "derived_autn", out->autn, sizeof out->autn);
    take(set, "derived_auts_sqn_ms_eq_sqn", out->auts, sizeof out->auts);
}

void vectors_load(struct vector out_vectors[VECTOR_SETS])
{
    json_error_t error;
    json_t *file =
        json_load_file(NISIM_SOURCE_DIR "/tests/vectors/milenage_vectors.json", 0, &error);
    assert_non_null(file);
    json_t *sets = json_object_get(file, "vectors");
    assert_int_equal(json_array_size(sets), VECTOR_SETS);
    for (size_t i = 0; i < VECTOR_SETS; i++)
        take_set(json_array_get(sets, i), &out_vectors[i]);
    json_decref(file);
}
