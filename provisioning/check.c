#include <stdio.h>

#include "trials.h"
#include "verbs.h"

static void print_line(const struct trial *trial, bool passed, const char *why)
{
    printf("%-38s %-4s %-7s %s\n", trial->name, passed ? "yes" : "no",
           trial->need == TRIAL_NEEDED ? "needed" : "wanted", why);
}

/* False when a needed trial failed. */
static bool run(struct office *office, const struct trial *trial, bool *out_lost)
{
    enum hsm_result result = trial->run(office->token);
    bool passed = result == HSM_OK;
    *out_lost = result == HSM_LOST;
    print_line(trial, passed, passed ? "" : hsm_result_text(result));
    return passed || (trial->need == TRIAL_WANTED && !*out_lost);
}

enum outcome check_token(struct office *office, const struct arguments *arguments)
{
    size_t count = 0;
    const struct trial *trials = trials_list(&count);
    bool usable = true;
    bool lost = false;
    (void)arguments;
    enum outcome outcome = office_open_token(office, false);
    if (outcome != OUTCOME_DONE)
        return outcome;
    const struct token *token = office->token;
    printf("token \"%s\": %s %s, serial %s\n", token->label, token->manufacturer, token->model,
           token->serial);
    for (size_t i = 0; i < count && !lost; i++)
        usable = run(office, &trials[i], &lost) && usable;
    printf("usable: %s\n", usable ? "yes" : "no");
    if (usable)
        return OUTCOME_DONE;
    return outcome_fail(OUTCOME_FAILED,
                        "token \"%s\" must not be used: see what is needed and not "
                        "there",
                        token->label);
}
