/* simulation: the engine, as it is shipped, in a world that is drawn from a number.
 *
 *   simulation [--seed N] [--runs N] [--seconds N] [--trace] [--twice] [--shrink] [LIMITS]
 *
 * Exits with 1 after the first run in which a promise was broken. */
#define _POSIX_C_SOURCE 200809L
#include "shrink.h"
#include "world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct world world;
static volatile uint64_t running; /* the seed */

struct orders {
    uint64_t seed, runs;
    int64_t seconds;
    bool trace, twice, shrink;
    struct limits limits;
};

static const char USAGE[] =
    "simulation [--seed N] [--runs N] [--seconds N] [--trace] [--twice] [--shrink] [LIMITS]\n"
    "  --seed N     the first seed; as many more follow as there are runs\n"
    "  --runs N     how many; 1 if there is only a seed\n"
    "  --seconds N  runs until so many have passed\n"
    "  --trace      tells each run step by step\n"
    "  --twice      each run a second time: it has to be the same to the byte\n"
    "  --shrink     makes the first run in which a promise is broken as small as it gets\n"
    "LIMITS, as --shrink prints them: no more of each than that, no other faults than those, but those for certain\n"
    "  --processes N --callers N --keys N --deeds N --faults NAME,... --with NAME,... --variant N --skip KIND:N,...\n";

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A crash, or a loop without end (SIGALRM): what repeats it. */
static void die(int number) {
    char line[64];
    uint64_t seed = running;
    int size = snprintf(line, sizeof line, "\nsignal %d in: simulation --seed %" PRIu64 "\n", number, seed);
    long written = write(STDERR_FILENO, line, (size_t)size);
    _exit(written > 0 ? 1 : 3);
}

/* Called by the address sanitizer. */
void __asan_on_error(void);
void __asan_on_error(void) {
    fprintf(stderr, "\nin: simulation --seed %" PRIu64 "\n", (uint64_t)running);
}

static uint64_t number_of(const char *option, const char *text) {
    char *end;
    uint64_t number = text != NULL ? strtoull(text, &end, 10) : 0;
    if (text != NULL && *text != '\0' && *end == '\0')
        return number;
    fprintf(stderr, "simulation: %s needs a number\n%s", option, USAGE);
    exit(2);
}

static void read_orders(int count, char **words, struct orders *orders) {
    bool counted = false;
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *next = i + 1 < count ? words[i + 1] : NULL;
        if (strcmp(word, "--trace") == 0)
            orders->trace = true;
        else if (strcmp(word, "--twice") == 0)
            orders->twice = true;
        else if (strcmp(word, "--shrink") == 0)
            orders->shrink = true;
        else if (strcmp(word, "--seed") == 0)
            orders->seed = number_of(word, next), i++;
        else if (strcmp(word, "--runs") == 0)
            orders->runs = number_of(word, next), counted = true, i++;
        else if (strcmp(word, "--seconds") == 0)
            orders->seconds = (int64_t)number_of(word, next), i++;
        else if (next != NULL && limits_read(&orders->limits, word, next))
            i++;
        else {
            fprintf(stderr, "simulation: what is '%s'?\n%s", word, USAGE);
            exit(2);
        }
    }
    if (orders->seconds > 0 && !counted)
        orders->runs = UINT64_MAX;
}

static bool run_once(const struct orders *orders, uint64_t seed) {
    struct plan plan;
    running = seed;
    plan_draw(&plan, seed);
    limits_apply(&orders->limits, &plan);
    if (orders->trace)
        plan_print(&plan);
    if (!world_run(&world, &plan, orders->trace ? TELL_PRINT : orders->twice ? TELL_DIGEST : TELL_NOTHING))
        return false;
    uint64_t digest = world.digest;
    if (orders->twice && world_run(&world, &plan, TELL_DIGEST) && world.digest != digest)
        world_violate(&world, "one seed, one run: the second run of it was another one");
    return world.violation[0] == '\0';
}

static void report(const struct orders *orders, uint64_t seed) {
    printf("VIOLATED by seed %" PRIu64 ": %s\n", seed, world.violation);
    struct limits limits = orders->limits;
    if (orders->shrink)
        shrink(&world, seed, &limits);
    printf("To see it:  simulation --trace --seed %" PRIu64, seed);
    limits_print(&limits);
    printf("\n");
    if (!orders->shrink)
        printf("To make it smaller:  simulation --shrink --seed %" PRIu64 "\n", seed);
}

int main(int count, char **words) {
    struct orders orders = { .seed = 1, .runs = 1 };
    uint64_t ops = 0, events = 0, loads = 0, past = 0, moves = 0, refusals = 0, done = 0;
    limits_init(&orders.limits);
    read_orders(count, words, &orders);
    const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM };
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], die);
    int64_t began_ms = now_ms();
    for (; done < orders.runs; done++) {
        if (done % 64 == 0)
            alarm(60);
        if (orders.seconds > 0 && now_ms() - began_ms > orders.seconds * 1000)
            break;
        if (!run_once(&orders, orders.seed + done)) {
            report(&orders, orders.seed + done);
            return 1;
        }
        ops += world.ops;
        events += world.event_count;
        loads += world.check.loads;
        past += world.check.past;
        moves += world.server.cluster.moves;
        refusals += world.server.cluster.refusals;
    }
    double seconds = (double)(now_ms() - began_ms) / 1000;
    printf("%" PRIu64 " runs from seed %" PRIu64 ": %" PRIu64 " ops, %" PRIu64 " loads, %" PRIu64
           " of them past the cache, %" PRIu64 " slots moved, %" PRIu64 " commands sent elsewhere, %" PRIu64
           " events, nothing broken; %.0f runs a second\n",
           done, orders.seed, ops, loads, past, moves, refusals, events, seconds > 0 ? (double)done / seconds : 0);
    return 0;
}
