/* The search of all protocols under all faults:  model [--long] [--check FILE | --write FILE]
 *
 * Prints what it finds and fails if something is wrong with ours that we promise, if a rule that is left out is not
 * missed, or if a search was not exhaustive.  --check fails, too, if the tables in FILE are not those that were found,
 * --write writes them there.  --long searches with more readers and writers: most of an hour, and 8 GB of memory. */
#define _POSIX_C_SOURCE 200809L
#include "model/report.h"
#include "model/search.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STATES_MAX = 4000000, LONG_STATES_MAX = 60000000 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void print_findings(const struct setup *setup, const struct findings *findings, double took) {
    char cell[REPORT_CELL];
    report_cell(cell, findings);
    printf("  %-28s %d readers, %d writers %10" PRIu64 " states %6.2f s   %s%s%s\n", setup->faults->name,
           setup->readers, setup->writers, findings->states, took, cell,
           setup->protocol->ours && setup->faults->outside ? " (not promised)" : "",
           findings->exhaustive ? "" : " (NOT EXHAUSTIVE)");
}

static bool search_one(const struct protocol *protocol, size_t fault, bool at_length, struct findings *findings) {
    struct setup setup = setup_of(protocol, &FAULTS[fault], at_length);
    double began = seconds();
    *findings = search(&setup, at_length ? LONG_STATES_MAX : STATES_MAX, false);
    print_findings(&setup, findings, seconds() - began);
    bool broken = protocol->ours && !FAULTS[fault].outside && findings->trace != NULL;
    if (broken)
        printf("    BROKEN PROMISE:\n%s", findings->trace);
    fflush(stdout);
    return findings->exhaustive && !broken;
}

static bool search_all(struct report *report, bool at_length) {
    bool good = true;
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        bool caught = false;
        printf("%s%s\n", PROTOCOLS[i].ours ? "ours, " : "", PROTOCOLS[i].name);
        for (size_t j = 0; j < FAULTS_COUNT; j++) {
            good = search_one(&PROTOCOLS[i], j, at_length, &report->findings[i][j]) && good;
            caught = caught || report->findings[i][j].trace != NULL;
        }
        if (!caught)
            printf("  NOTHING FOUND under any fault: the search is blind\n");
        good = good && caught;
    }
    return good;
}

static bool leave_out(const struct omission *omission, struct findings *findings) {
    struct protocol protocol = *omission->protocol;
    struct rules *rules = &protocol.rules;
    *(bool *)((char *)rules + omission->rule) = false;
    struct setup setup = setup_of(&protocol, omission->faults, false);
    *findings = search(&setup, STATES_MAX, true);
    printf("\nWithout the rule that %s (%s; fault: %s), after %" PRIu32 " steps:\n%s", omission->name, protocol.name,
           omission->faults->name, findings->steps, findings->trace != NULL ? findings->trace : "    NOT MISSED\n");
    return findings->trace != NULL;
}

static bool leave_all_out(struct report *report) {
    bool good = true;
    for (size_t i = 0; i < OMISSION_COUNT; i++)
        good = leave_out(&OMISSIONS[i], &report->omitted[i]) && good;
    return good;
}

int main(int argc, char **argv) {
    static struct report report;
    bool at_length = argc == 2 && strcmp(argv[1], "--long") == 0;
    bool check = argc == 3 && strcmp(argv[1], "--check") == 0, write = argc == 3 && strcmp(argv[1], "--write") == 0;
    if (argc > 1 && !at_length && !check && !write) {
        fputs("usage: model [--long | --check FILE | --write FILE]\n", stderr);
        return 2;
    }
    double began = seconds();
    bool good = search_all(&report, at_length);
    good = leave_all_out(&report) && good;
    printf("\n%.0f s in all\n", seconds() - began);
    if (check)
        good = report_is_in(&report, argv[2]) && good;
    if (write)
        good = report_write(&report, argv[2]) && good;
    report_clear(&report);
    return good ? 0 : 1;
}
