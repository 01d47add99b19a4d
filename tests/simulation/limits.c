#include "shrink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void limits_init(struct limits *limits) {
    *limits = (struct limits){ .processes = PROCESSES_MAX, .callers = CALLERS_MAX, .keys = KEYS_MAX,
                               .deeds = DEEDS_MAX, .faults = UINT64_MAX };
}

static void refuse(const char *option, const char *text) {
    fprintf(stderr, "simulation: %s makes no sense of '%s'\n", option, text);
    exit(2);
}

static uint64_t number_in(const char *option, const char *text, uint64_t least, uint64_t most) {
    char *end;
    uint64_t number = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number < least || number > most)
        refuse(option, text);
    return number;
}

static uint64_t read_faults(const char *option, const char *text) {
    uint64_t faults = 0;
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        enum fault fault = fault_named(text, size);
        if (fault == FAULT_COUNT && !(size == 4 && memcmp(text, "none", 4) == 0))
            refuse(option, text);
        if (fault != FAULT_COUNT)
            faults |= fault_bit(fault);
        text += text[size] == ',' ? size + 1 : size;
    }
    return faults;
}

enum { ALL_DEEDS = (1 << DEEDS_MAX) - 1 };

/* "strike:3,deed:0.12,caller:4": a strike by its number, a deed by its caller and number, all deeds of a caller. */
static void read_skips(struct limits *limits, const char *option, const char *text) {
    unsigned caller, number;
    int used;
    while (*text != '\0') {
        if (sscanf(text, "strike:%u%n", &number, &used) == 1 && number < STRIKES_MAX)
            limits->skipped_strikes |= 1u << number;
        else if (sscanf(text, "caller:%u%n", &caller, &used) == 1 && caller < PROCESSES_MAX * CALLERS_MAX)
            limits->skipped_deeds[caller] = ALL_DEEDS;
        else if (sscanf(text, "deed:%u.%u%n", &caller, &number, &used) == 2 &&
                 caller < PROCESSES_MAX * CALLERS_MAX && number < DEEDS_MAX)
            limits->skipped_deeds[caller] |= 1u << number;
        else
            refuse(option, text);
        text += used;
        text += *text == ',' ? 1 : 0;
    }
}

bool limits_read(struct limits *limits, const char *option, const char *text) {
    if (strcmp(option, "--processes") == 0)
        limits->processes = (uint32_t)number_in(option, text, 1, PROCESSES_MAX);
    else if (strcmp(option, "--callers") == 0)
        limits->callers = (uint32_t)number_in(option, text, 1, CALLERS_MAX);
    else if (strcmp(option, "--keys") == 0)
        limits->keys = (uint32_t)number_in(option, text, 1, KEYS_MAX);
    else if (strcmp(option, "--deeds") == 0)
        limits->deeds = (uint32_t)number_in(option, text, 0, DEEDS_MAX);
    else if (strcmp(option, "--variant") == 0)
        limits->variant = number_in(option, text, 0, UINT64_MAX);
    else if (strcmp(option, "--faults") == 0)
        limits->faults = read_faults(option, text);
    else if (strcmp(option, "--with") == 0)
        limits->forced = read_faults(option, text);
    else if (strcmp(option, "--skip") == 0)
        read_skips(limits, option, text);
    else
        return false;
    return true;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

void limits_apply(const struct limits *limits, struct plan *plan) {
    plan->processes = least(plan->processes, limits->processes);
    plan->callers = least(plan->callers, limits->callers);
    plan->keys = least(plan->keys, limits->keys);
    plan->deeds = least(plan->deeds, limits->deeds);
    plan->faults = (plan->faults | limits->forced) & limits->faults;
    if ((limits->forced & fault_bit(FAULT_move)) != 0 && plan->members == 1)
        plan_make_cluster(plan, 3);
    if ((limits->forced & (fault_bit(FAULT_STRIKES) - 1)) != 0)
        plan->strikes = STRIKES_MAX;
    plan->variant = limits->variant;
    plan->skipped_strikes = limits->skipped_strikes;
    memcpy(plan->skipped_deeds, limits->skipped_deeds, sizeof plan->skipped_deeds);
}

static void print_faults(uint64_t faults) {
    const char *before = "";
    for (unsigned fault = 0; fault < FAULT_COUNT; fault++)
        if ((faults & fault_bit(fault)) != 0) {
            printf("%s%s", before, fault_name((enum fault)fault));
            before = ",";
        }
    if (*before == '\0')
        printf("none");
}

static void print_skips(const struct limits *limits) {
    const char *before = " --skip ";
    for (unsigned number = 0; number < STRIKES_MAX; number++)
        if ((limits->skipped_strikes >> number & 1) != 0) {
            printf("%sstrike:%u", before, number);
            before = ",";
        }
    for (unsigned caller = 0; caller < PROCESSES_MAX * CALLERS_MAX; caller++) {
        if (limits->skipped_deeds[caller] == ALL_DEEDS) {
            printf("%scaller:%u", before, caller);
            before = ",";
            continue;
        }
        for (unsigned number = 0; number < DEEDS_MAX; number++)
            if ((limits->skipped_deeds[caller] >> number & 1) != 0) {
                printf("%sdeed:%u.%u", before, caller, number);
                before = ",";
            }
    }
}

void limits_print(const struct limits *limits) {
    if (limits->processes < PROCESSES_MAX)
        printf(" --processes %u", limits->processes);
    if (limits->callers < CALLERS_MAX)
        printf(" --callers %u", limits->callers);
    if (limits->keys < KEYS_MAX)
        printf(" --keys %u", limits->keys);
    if (limits->deeds < DEEDS_MAX)
        printf(" --deeds %u", limits->deeds);
    if (limits->faults != UINT64_MAX) {
        printf(" --faults ");
        print_faults(limits->faults);
    }
    if (limits->forced != 0) {
        printf(" --with ");
        print_faults(limits->forced);
    }
    if (limits->variant != 0)
        printf(" --variant %" PRIu64, limits->variant);
    print_skips(limits);
}

void plan_print(const struct plan *plan) {
    static const char *const writers[] = { "invalidate", "lock", "set in turns", "lock, invalidate or delete" };
    const struct policy *policy = &plan->policy;
    printf("seed %" PRIu64 ": %u servers, %u processes of %u callers, %u keys, %u deeds each, %u strikes; "
           "writers %s%s\n",
           plan->seed, plan->members, plan->processes, plan->callers, plan->keys, plan->deeds, plan->strikes,
           writers[plan->writers], plan->watch ? "; the server tells of changes" : "");
    printf("  lock_expire %lld ms, lock_expire_max %lld ms, delay %lld ms, deadline %lld ms, empty_expire %lld ms, "
           "op_timeout %lld ms, ttl %lld ms\n",
           (long long)policy->lock_expire_ms, (long long)policy->lock_expire_max_ms, (long long)policy->delay_ms,
           (long long)policy->deadline_ms, (long long)policy->empty_expire_ms, (long long)plan->op_timeout_ms,
           (long long)plan->ttl_ms);
    printf("  the replica is %lld us behind%s%s%s\n", (long long)plan->lag_us,
           policy->wait_replicas > 0 ? "; invalidations wait for it" : "", plan->trust ? ", failover=trust" : "",
           plan->replica_reads ? "; it is read from" : "");
    printf("  stale_while_revalidate %lld ms, stale_if_error %lld ms, if there are windows\n",
           (long long)policy->stale_while_revalidate_ms, (long long)policy->stale_if_error_ms);
    printf("  early %.1f, xfetch_beta %.1f, if there is early\n", policy->early, policy->xfetch_beta);
    printf("  soft_timeout %lld ms, hard_timeout %lld ms, if there are timeouts\n", (long long)policy->soft_timeout_ms,
           (long long)policy->hard_timeout_ms);
    printf("  retry_after %lld ms, %s, if there are pauses\n", (long long)policy->retry_after_ms,
           policy->retry_after_shared ? "shared" : "of each process");
    printf("  faults: ");
    print_faults(plan->faults);
    printf("\n");
}
