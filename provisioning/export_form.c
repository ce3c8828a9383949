#include "export_form.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>

#define AMF "8000" /* separation bit set, as EPS and 5GS want it (TS 33.102 annex H) */
#define GIGABIT 1000000000

/* The digits of a tel URI; false where the identity is another. */
static bool msisdn_of(const char *impu, char out_digits[EXPORT_IMSI_BYTES])
{
    size_t used = 0;
    if (strncasecmp(impu, "tel:+", 5) != 0)
        return false;
    for (const char *at = impu + 5; *at != '\0' && *at != ';'; at++) {
        if (*at < '0' || *at > '9')
            continue;
        if (used == EXPORT_IMSI_BYTES - 1)
            return false;
        out_digits[used++] = *at;
    }
    out_digits[used] = '\0';
    return used > 0;
}

static json_t *msisdns_of(const struct identity *identity)
{
    json_t *list = json_array();
    for (size_t i = 0; i < identity->impu_count; i++) {
        char digits[EXPORT_IMSI_BYTES];
        if (msisdn_of(identity->impus[i], digits))
            (void)json_array_append_new(list, json_string(digits));
    }
    return list;
}

static bool print_line(FILE *file, json_t *line)
{
    bool good = line != NULL && json_dumpf(line, file, JSON_COMPACT) == 0 && fputc('\n', file) >= 0;
    json_decref(line);
    return good;
}

/* How the keys are wrapped; null where they are not. */
static json_t *wrapping_of(const struct export_facts *facts)
{
    char kcv[KCV_TEXT_BYTES];
    if (facts->transport_name == NULL)
        return json_null();
    kcv_to_text(&facts->kcv, kcv);
    return json_pack("{ss ss ss}", "transport_key", facts->transport_name, "way",
                     transport_way_text(facts->way), "kcv", kcv);
}

/* A document of the collection "subscribers", for mongoimport. */
static bool open5gs(FILE *file, const struct export_facts *facts)
{
    char sqn[24];
    snprintf(sqn, sizeof sqn, "%" PRIu64, facts->sqn);
    json_t *ambr = json_pack("{s{si si} s{si si}}", "downlink", "value", GIGABIT, "unit", 0,
                             "uplink", "value", GIGABIT, "unit", 0);
    json_t *qos = json_pack("{si s{si si si}}", "index", 9, "arp", "priority_level", 8,
                            "pre_emption_capability", 1, "pre_emption_vulnerability", 1);
    json_t *session = json_pack("{ss si so sO s[]}", "name", "internet", "type", 3, "qos", qos,
                                "ambr", ambr, "pcc_rule");
    json_t *slice = json_pack("{si sb s[o]}", "sst", 1, "default_indicator", 1, "session", session);
    json_t *security = json_pack("{ss sn ss ss s{ss}}", "k", facts->k, "op", "opc", facts->opc,
                                 "amf", AMF, "sqn", "$numberLong", sqn);
    return print_line(
        file, json_pack("{si ss so so so s[o] si si si si so}", "schema_version", 1, "imsi",
                        facts->imsi, "msisdn", msisdns_of(&facts->subscription->identity),
                        "security", security, "ambr", ambr, "slice", slice,
                        "access_restriction_data", 32, "network_access_mode", 0,
                        "subscriber_status", facts->subscription->enabled ? 0 : 1,
                        "subscribed_rau_tau_timer", 12, "nisim_wrapped", wrapping_of(facts)));
}

/* The bodies of PUT /auc/, /subscriber/ and /ims_subscriber/; auc_id is what the first answers. */
static bool pyhss(FILE *file, const struct export_facts *facts)
{
    const struct identity *identity = &facts->subscription->identity;
    json_t *msisdns = msisdns_of(identity);
    const char *first = json_string_value(json_array_get(msisdns, 0));
    const char *msisdn = first == NULL ? "" : first;
    json_t *auc = json_pack("{ss ss ss ss sI}", "imsi", facts->imsi, "ki", facts->k, "opc",
                            facts->opc, "amf", AMF, "sqn", (json_int_t)facts->sqn);
    json_t *subscriber =
        json_pack("{ss sb ss si si si si}", "imsi", facts->imsi, "enabled",
                  facts->subscription->enabled, "msisdn", msisdn, "ue_ambr_dl", GIGABIT / 1000,
                  "ue_ambr_ul", GIGABIT / 1000, "nam", 0, "subscribed_rau_tau_timer", 600);
    json_t *ims =
        json_pack("{ss ss ss}", "imsi", facts->imsi, "msisdn", msisdn, "msisdn_list", msisdn);
    bool good =
        print_line(file, json_pack("{so so so so}", "auc", auc, "subscriber", subscriber,
                                   "ims_subscriber", ims, "nisim_wrapped", wrapping_of(facts)));
    json_decref(msisdns);
    return good;
}

/* Lines for the VTY, in enable mode. */
static bool osmohlr(FILE *file, const struct export_facts *facts)
{
    const struct identity *identity = &facts->subscription->identity;
    char kcv[KCV_TEXT_BYTES];
    char digits[EXPORT_IMSI_BYTES];
    if (facts->transport_name != NULL) {
        kcv_to_text(&facts->kcv, kcv);
        fprintf(file, "! k and opc are wrapped under %s by %s, KCV of k %s\n",
                facts->transport_name, transport_way_text(facts->way), kcv);
    }
    fprintf(file, "subscriber imsi %s create\n", facts->imsi);
    for (size_t i = 0; i < identity->impu_count; i++) {
        if (!msisdn_of(identity->impus[i], digits))
            continue;
        fprintf(file, "subscriber imsi %s update msisdn %s\n", facts->imsi, digits);
        break;
    }
    return fprintf(file, "subscriber imsi %s update aud3g milenage k %s opc %s ind-bitlen %u\n",
                   facts->imsi, facts->k, facts->opc,
                   (unsigned)facts->subscription->profile.ind_bits) > 0;
}

export_form export_form_find(const char *name)
{
    static const struct {
        const char *name;
        export_form form;
    } forms[] = {{"open5gs", open5gs}, {"pyhss", pyhss}, {"osmohlr", osmohlr}};
    for (size_t i = 0; name != NULL && i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(forms[i].name, name) == 0)
            return forms[i].form;
    }
    return NULL;
}
