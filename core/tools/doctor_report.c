/* doctor_report: a diagnosis in lines for people, or as JSON. */
#include "doctor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- for people ---- */

static const char *role_of(const struct examination *found) {
    if (found->role[0] == '\0')
        return found->replica ? "replica" : "role not told";
    return strcmp(found->role, "master") == 0 ? "primary" : strcmp(found->role, "slave") == 0 ? "replica" : found->role;
}

static void print_server(const struct diagnosis *diagnosis) {
    const struct examination *found = &diagnosis->found;
    printf("%-13s%s", "address", found->address);
    if (diagnosis->others > 0)
        printf(", and %zu others that are not looked at", diagnosis->others);
    putchar('\n');
    if (found->info_refusal[0] != '\0')
        printf("%-13snot readable: %s\n", "server", found->info_refusal);
    else
        printf("%-13s%s, %s, %s\n", "server", found->server[0] != '\0' ? found->server : "which tells no name",
               found->mode[0] != '\0' ? found->mode : "mode not told", role_of(found));
    if (found->tls[0] != '\0')
        printf("%-13s%s, certificate valid for %.0f days\n", "encryption", found->tls, found->certificate_days);
    else
        printf("%-13snone\n", "encryption");
}

static void print_memory(const struct examination *found) {
    char bound[32] = "no bound";
    if (found->memory_max_bytes > 0)
        snprintf(bound, sizeof bound, "at most %.1f MB", (double)found->memory_max_bytes / 1e6);
    if (found->memory_max_bytes == NUMBER_UNKNOWN)
        printf("%-13snot readable\n", "memory");
    else
        printf("%-13s%.1f MB, %s, %s, %" PRId64 " keys evicted\n", "memory", (double)found->memory_bytes / 1e6, bound,
               found->policy[0] != '\0' ? found->policy : "policy not readable", found->evicted);
}

static void print_safety(const struct examination *found) {
    printf("%-13s%s, snapshots %s\n", "persistence",
           found->appends == NUMBER_UNKNOWN ? "append-only file not readable"
           : found->appends == 0            ? "no append-only file"
                                            : "append-only file",
           !found->save_readable ? "not readable" : found->save[0] != '\0' ? found->save : "none");
    if (found->appends == 1 || found->save[0] != '\0')
        printf("%-13swhat comes back from disk after a restart is %s\n", "",
               found->can[CAN_TELL_HISTORY] ? "known as old, and loaded anew" : "taken for fresh");
    if (found->replicas == NUMBER_UNKNOWN)
        printf("%-13snot readable\n", "replicas");
    else
        printf("%-13s%" PRId64 "\n", "replicas", found->replicas);
}

static void print_times(const struct examination *found) {
    printf("%-13s%s\n", "layout", found->packed ? "packed: a hit is a GET" : "hash: a hit is an HMGET");
    printf("%-13s%.3f ms for a hit (median), %.3f ms at most\n", "round trip", found->round_trip_ms,
           found->round_trip_most_ms);
    if (found->has_clock)
        printf("%-13s%+.1f ms against this machine's; only the server's counts\n", "clock", found->clock_ms);
    else
        printf("%-13snot readable\n", "clock");
}

static void print_capability(const struct examination *found, enum capability capability) {
    const struct meaning *meaning = meaning_of(capability);
    bool can = found->can[capability];
    printf("%-5s%-14s%s%s\n", can ? "yes" : "no", meaning->name, can ? "" : "without it: ",
           can ? meaning->use : meaning->without);
    if (found->refusals[capability][0] != '\0')
        printf("%19s%s\n", "", found->refusals[capability]);
}

void diagnosis_print(const struct diagnosis *diagnosis) {
    const struct examination *found = &diagnosis->found;
    if (found->failure[0] == '\0' && found->address[0] != '\0') {
        print_server(diagnosis);
        print_times(found);
        print_memory(found);
        print_safety(found);
        putchar('\n');
        for (enum capability i = 0; i < CAPABILITIES; i++)
            print_capability(found, i);
        putchar('\n');
    }
    for (size_t i = 0; i < diagnosis->warning_count; i++)
        printf("warning: %s\n", diagnosis->warnings[i]);
    if (diagnosis->failure[0] != '\0')
        printf("It can't be used: %s\n", diagnosis->failure);
    else
        puts("A value was loaded, stored, found, locked, invalidated and deleted: it works.");
}

/* ---- for machines ---- */

static void print_text(const char *name, const char *text) {
    printf(", \"%s\": ", name);
    if (text[0] != '\0')
        json_print(text, strlen(text));
    else
        fputs("null", stdout);
}

static void print_number(const char *name, int64_t number) {
    if (number == NUMBER_UNKNOWN)
        printf(", \"%s\": null", name);
    else
        printf(", \"%s\": %" PRId64, name, number);
}

static void print_capabilities(const struct examination *found) {
    for (enum capability i = 0; i < CAPABILITIES; i++) {
        const struct meaning *meaning = meaning_of(i);
        printf("%s{\"name\": ", i == 0 ? ", \"capabilities\": [" : ", ");
        json_print(meaning->name, strlen(meaning->name));
        printf(", \"there\": %s", found->can[i] ? "true" : "false");
        print_text("use", meaning->use);
        print_text("without", meaning->without);
        print_text("refusal", found->refusals[i]);
        putchar('}');
    }
    putchar(']');
}

static void print_examination(const struct examination *found) {
    print_text("address", found->address);
    print_text("server", found->server);
    print_text("mode", found->mode);
    print_text("role", found->info_refusal[0] != '\0' ? "" : role_of(found));
    print_text("tls", found->tls);
    print_text("layout", found->packed ? "packed" : "hash");
    if (found->tls[0] != '\0')
        printf(", \"certificate_days\": %.1f", found->certificate_days);
    printf(", \"round_trip_ms\": %.3f, \"round_trip_most_ms\": %.3f", found->round_trip_ms, found->round_trip_most_ms);
    if (found->has_clock)
        printf(", \"clock_ms\": %.1f", found->clock_ms);
    print_number("memory_bytes", found->memory_bytes);
    print_number("memory_max_bytes", found->memory_max_bytes);
    print_text("memory_policy", found->policy);
    print_number("evicted", found->evicted);
    print_number("append_only", found->appends);
    print_text("snapshots", found->save_readable && found->save[0] == '\0' ? "none" : found->save);
    print_number("replicas", found->replicas);
    print_capabilities(found);
}

void diagnosis_print_json(const struct diagnosis *diagnosis) {
    printf("{\"usable\": %s", diagnosis->failure[0] == '\0' ? "true" : "false");
    print_text("failure", diagnosis->failure);
    if (diagnosis->found.failure[0] == '\0' && diagnosis->found.address[0] != '\0') {
        print_number("others", (int64_t)diagnosis->others);
        print_examination(&diagnosis->found);
    }
    fputs(", \"warnings\": [", stdout);
    for (size_t i = 0; i < diagnosis->warning_count; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        json_print(diagnosis->warnings[i], strlen(diagnosis->warnings[i]));
    }
    puts("]}");
}
