/* Random verbs on few keys, on the memory backend and on every server that is at hand: no difference but in the
 * milliseconds.  Times are either so long that none ends during a run, or so short that the next step waits until they
 * have; where one is about to end, the step waits too.  A step during which the machine stood still is forgotten.
 *
 * RCACHE_TEST_SEED makes it another run (each prints its own), RCACHE_TEST_STEPS says how long it is; an argument is
 * the port of a server that runs already, which is then the only one. */
#define _POSIX_C_SOURCE 200809L
#include "backend/memory/memory.h"
#include "base/clock.h"
#include "base/random.h"
#include "differential/wire.h"
#include "resilicache.h"
#include "support/stores.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 4, SHORT_MS = 3, LONG_MS = 600000, MARGIN_MS = 40, TOLERANCE_MS = 2 * MARGIN_MS, VALUE_MAX = 600 };

struct pair {
    struct memory *memory;
    struct wire *wire;
    struct random random;
    bool raw; /* RAW_SET too: it tells no epoch, which memory knows nothing of */
    char seen[KEYS][2][LEASE_TEXT_MAX];
    uint64_t forgotten;
};

static const char *const KEY_NAMES[KEYS] = { "a", "b", "key with \xff", "" };
static const char *const VERB_NAMES[] = { "peek", "watch",  "acquire", "refresh",
                                          "put",     "renew", "release", "invalidate",
                                          "lock", "unlock", "set",     "raw_set", "get",   "delete",  "inspect" };
static const char *const VERDICT_NAMES[] = { "none", "fresh",  "unfresh", "miss", "owned",
                                             "busy", "stored", "lost", "outdated",    "done" };

static void sleep_ms(int64_t ms) {
    nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static uint64_t below(struct pair *pair, uint64_t bound) {
    return random_next(&pair->random) % bound;
}

/* ---- a step ---- */

static int64_t some_ms(struct pair *pair, bool *brief, bool zero) {
    uint64_t kind = below(pair, 40);
    if (kind == 0 && zero)
        return 0;
    *brief = *brief || kind == 1;
    return kind == 1 ? SHORT_MS : LONG_MS + (int64_t)below(pair, LONG_MS);
}

static struct blob *some_value(struct pair *pair) {
    size_t size = below(pair, 4) == 0 ? below(pair, VALUE_MAX) : below(pair, 4);
    struct blob *value = blob_new(size);
    for (size_t i = 0; value != NULL && i < size; i++)
        value->data[i] = (char)below(pair, 256);
    return value;
}

static enum verb some_verb(struct pair *pair) {
    static const enum verb often[] = { VERB_ACQUIRE, VERB_REFRESH,    VERB_PUT, VERB_PUT,
                                       VERB_INVALIDATE, VERB_PEEK,    VERB_LOCK };
    uint64_t number = below(pair, 2 * (VERB_INSPECT + 1));
    enum verb verb = number > VERB_INSPECT ? often[number % 7] : (enum verb)number;
    if (verb == VERB_WATCH || (verb == VERB_RAW_SET && !pair->raw))
        return VERB_ACQUIRE;
    return verb;
}

static struct request some_request(struct pair *pair, size_t key, bool *brief) {
    static const char *const owners[] = { "A", "B", "an owner" };
    enum verb verb = some_verb(pair);
    bool stores = verb == VERB_PUT || verb == VERB_SET || verb == VERB_RAW_SET;
    struct request request = { .verb = verb,
                               .key = slice_of_text(KEY_NAMES[key]),
                               .owner = slice_of_text(owners[below(pair, 3)]),
                               .strong = below(pair, 2) == 0,
                               .absent = verb != VERB_RAW_SET && below(pair, 8) == 0 };
    request.life_ms = some_ms(pair, brief, verb == VERB_PUT);
    request.bound_ms = some_ms(pair, brief, true);
    request.window_ms = some_ms(pair, brief, true);
    request.timed = below(pair, 2) == 0;
    bool tells = verb == VERB_PUT || verb == VERB_SET || verb == VERB_INVALIDATE;
    if (tells && below(pair, 2) == 0)
        request.version = (int64_t)(below(pair, 3) * 4611686018427387904u + 8 + below(pair, 4));
    if (request.version < 0)
        request.version = 9 + (int64_t)below(pair, 3);
    request.settle_ms = below(pair, 3) == 0 ? some_ms(pair, brief, true) : 0;
    request.load_ms = below(pair, 2) == 0 ? 1 + (int64_t)below(pair, 1000) : 0;
    request.pause_ms = below(pair, 2) == 0 ? some_ms(pair, brief, true) : 0;
    request.pause_max_ms = request.pause_ms + (int64_t)below(pair, 4) * LONG_MS;
    request.drops = below(pair, 4) == 0;
    request.intent = below(pair, 2) == 0;
    bool ends = stores && below(pair, 2) == 0, soon = ends && below(pair, 4) == 0;
    request.fresh_ms = !ends ? 0 : soon ? SHORT_MS : some_ms(pair, brief, true);
    *brief = *brief || soon;
    request.value = stores && !request.absent ? some_value(pair) : NULL;
    return request;
}

/* ---- what is the same ---- */

static bool near(int64_t a, int64_t b) {
    return (a < 0 && b < 0) || (a >= 0 && b >= 0 && llabs(a - b) <= TOLERANCE_MS);
}

/* The number after the name at the start of a line; -2: no such line. */
static int64_t line_number(const struct blob *lines, const char *name) {
    const char *at = lines != NULL ? strstr(lines->data, name) : NULL;
    return at != NULL ? strtoll(at + strlen(name), NULL, 10) : -2;
}

static bool same_line(const struct blob *a, const struct blob *b, const char *name) {
    const char *line_a = strstr(a->data, name), *line_b = strstr(b->data, name);
    if (line_a == NULL || line_b == NULL)
        return line_a == line_b;
    size_t size = strcspn(line_a, "\n");
    return size == strcspn(line_b, "\n") && memcmp(line_a, line_b, size) == 0;
}

static bool same_inspection(const struct blob *memory, const struct blob *server) {
    if (memory == NULL || server == NULL)
        return memory == server;
    return same_line(memory, server, "state ") && same_line(memory, server, "\nsize ") &&
           same_line(memory, server, "\nabsent ") && same_line(memory, server, "\nowner ") &&
           llabs(line_number(memory, "\nfresh_ms ") - line_number(server, "\nfresh_ms ")) <= TOLERANCE_MS &&
           near(line_number(memory, "\nttl_ms "), line_number(server, "\nttl_ms ")) &&
           near(line_number(memory, "\nlease_ms "), line_number(server, "\nlease_ms "));
}

static bool same_lease(const char *memory, const char *server) {
    bool runs = strchr(server, '.') != NULL; /* the end of a lease is written otherwise */
    return runs ? memory[0] != '\0' && strcmp(memory, "0") != 0 : strcmp(memory, server) == 0;
}

static bool same_reply(const struct request *request, const struct reply *memory, const struct reply *server) {
    if (memory->status != server->status || memory->verdict != server->verdict)
        return false;
    if (request->verb == VERB_INSPECT)
        return same_inspection(memory->value, server->value);
    if ((memory->value == NULL) != (server->value == NULL) || memory->absent != server->absent)
        return false;
    if (!slice_equal(blob_slice(memory->value), blob_slice(server->value)))
        return false;
    if (memory->refreshing != server->refreshing || memory->load_ms != server->load_ms)
        return false;
    if (memory->backed_off != server->backed_off || (request->verb == VERB_UNLOCK && memory->held != server->held))
        return false;
    if (memory->verdict == VERDICT_BUSY && !near(memory->remaining_ms, server->remaining_ms))
        return false;
    bool stale = memory->value != NULL && (memory->verdict == VERDICT_BUSY || memory->verdict == VERDICT_OWNED);
    if (stale && !near(memory->stale_ms, server->stale_ms))
        return false;
    if (memory->lapsed != server->lapsed || memory->tells_end != server->tells_end)
        return false;
    if (memory->tells_end && llabs(memory->fresh_ms - server->fresh_ms) > TOLERANCE_MS)
        return false;
    bool lease = memory->verdict == VERDICT_BUSY || request->verb == VERB_PEEK;
    return !lease || same_lease(memory->lease, server->lease);
}

static void print_reply(const char *who, const struct reply *reply) {
    fprintf(stderr, "  %-7s status %" PRId32 " %s%s%s", who, reply->status, VERDICT_NAMES[reply->verdict],
            reply->value != NULL ? " with a value" : "", reply->absent ? " absent" : "");
    fprintf(stderr, " remaining %" PRId64 " stale %" PRId64 " lease '%s'%s", reply->remaining_ms, reply->stale_ms,
            reply->lease, reply->lapsed ? " lapsed" : "");
    fprintf(stderr, " %s %" PRId64 " load %" PRId64 "%s\n", reply->tells_end ? "fresh" : "", reply->fresh_ms,
            reply->load_ms, reply->refreshing ? " refreshing" : "");
    fprintf(stderr, "    %s\n", reply->value != NULL ? reply->value->data : "");
    fprintf(stderr, "    %s\n", reply->message != NULL ? reply->message->data : "");
}

static void print_step(const struct request *request, const struct reply *memory) {
    fprintf(stderr, "  %s key '%s' owner '%s' life %" PRId64 " fresh %" PRId64 " bound %" PRId64 " window %" PRId64,
            VERB_NAMES[request->verb], request->key.data, request->owner.data, request->life_ms, request->fresh_ms,
            request->bound_ms, request->window_ms);
    fprintf(stderr, "%s%s%s seen '%.*s'\n",
            request->strong ? " strong" : "", request->absent ? " absent" : "", request->intent ? " intent" : "",
            (int)request->seen.size, request->seen.size > 0 ? request->seen.data : "");
    print_reply("memory:", memory);
    print_reply("server:", &request->reply);
}

/* ---- steps ---- */

static bool is_near(int64_t end_ms) {
    return end_ms >= 0 && end_ms < MARGIN_MS;
}

/* Until nothing of the key is about to end. */
static void wait_for_margin(struct pair *pair, size_t key) {
    struct request request = { .verb = VERB_INSPECT, .key = slice_of_text(KEY_NAMES[key]) };
    memory_execute(pair->memory, &request, clock_now_ms());
    int64_t ttl_ms = line_number(request.reply.value, "\nttl_ms ");
    int64_t lease_ms = line_number(request.reply.value, "\nlease_ms ");
    int64_t fresh_ms = line_number(request.reply.value, "\nfresh_ms ");
    request_clear(&request);
    if (is_near(ttl_ms) || is_near(lease_ms) || is_near(fresh_ms))
        sleep_ms(TOLERANCE_MS);
}

static bool forget(struct pair *pair) {
    pair->forgotten++;
    bool ok = true;
    for (size_t key = 0; key < KEYS; key++) {
        struct request request = { .verb = VERB_DELETE, .key = slice_of_text(KEY_NAMES[key]) };
        memory_execute(pair->memory, &request, clock_now_ms());
        request_clear(&request);
        ok = ok && wire_execute(pair->wire, &request);
        request_clear(&request);
    }
    return ok;
}

static bool step(struct pair *pair) {
    bool brief = false;
    size_t key = (size_t)below(pair, KEYS);
    struct request request = some_request(pair, key, &brief), twin = request;
    bool seen = request.verb == VERB_ACQUIRE && below(pair, 8) == 0;
    bool ends_at_once = request.life_ms == 0 || request.bound_ms == 0; /* which is within 1 ms where servers round up */
    wait_for_margin(pair, key);
    int64_t before_ms = clock_now_ms();
    twin.value = blob_share(request.value);
    if (seen) {
        request.seen = slice_of_text(pair->seen[key][0]);
        twin.seen = slice_of_text(pair->seen[key][1]);
    }
    bool ok = wire_execute(pair->wire, &request);
    int64_t now_ms = clock_now_ms();
    memory_execute(pair->memory, &twin, now_ms);
    bool same = ok && same_reply(&request, &twin.reply, &request.reply);
    if (now_ms - before_ms > MARGIN_MS / 2)
        same = forget(pair);
    else if (!same)
        print_step(&request, &twin.reply);
    if (request.reply.lease[0] != '\0') {
        memcpy(pair->seen[key][0], request.reply.lease, LEASE_TEXT_MAX);
        memcpy(pair->seen[key][1], twin.reply.lease, LEASE_TEXT_MAX);
    }
    request_clear(&request);
    request_clear(&twin);
    if (brief)
        sleep_ms(4 * SHORT_MS);
    else if (ends_at_once)
        sleep_ms(2);
    return same;
}

static bool run(const struct store *store, uint64_t seed, uint64_t steps, bool epoch, bool packed) {
    struct wire wire;
    struct pair pair = { .memory = memory_new(0, seed), .wire = &wire, .random = { seed }, .raw = !epoch };
    bool same = pair.memory != NULL && wire_open(&wire, store->port, epoch);
    if (!same)
        fprintf(stderr, "%s can't be reached\n", store->name);
    wire.facts.epoch = epoch ? 0x0123456789abcdefu : 0;
    wire.facts.packed = packed;
    same = same && forget(&pair);
    for (uint64_t i = 0; same && i < steps; i++) {
        same = step(&pair);
        if (!same)
            fprintf(stderr, "%s differs at step %" PRIu64 " of RCACHE_TEST_SEED=%" PRIu64 "\n", store->name, i, seed);
    }
    if (same && pair.forgotten > 1 + steps / 20) {
        fprintf(stderr, "%s: too slow a machine: %" PRIu64 " of %" PRIu64 " steps forgotten\n", store->name,
                pair.forgotten, steps);
        same = false;
    }
    if (same)
        printf("%s, %s, %s: %" PRIu64 " steps, no difference\n", store->name, epoch ? "RESP3 with an epoch" : "RESP2",
               packed ? "packed" : "hash", steps);
    if (pair.memory != NULL)
        wire_close(&wire);
    memory_free(pair.memory);
    return same;
}

static uint64_t number_from(const char *variable, uint64_t fallback) {
    const char *text = getenv(variable);
    return text != NULL && text[0] != '\0' ? strtoull(text, NULL, 10) : fallback;
}

static bool run_all(const struct store *store) {
    uint64_t seed = number_from("RCACHE_TEST_SEED", 1);
    uint64_t steps = number_from("RCACHE_TEST_STEPS", 5000);
    printf("RCACHE_TEST_SEED=%" PRIu64 "\n", seed);
    bool same = true;
    for (int guise = 0; same && guise < 4; guise++)
        same = run(store, seed, steps, (guise & 1) != 0, (guise & 2) != 0);
    return same;
}

/* Each in a process: most of the time is waiting for something to end. */
static bool run_everywhere(const struct store *stores, size_t count) {
    pid_t pids[STORES_MAX];
    bool same = true;
    fflush(NULL);
    for (size_t i = 0; i < count; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            exit(run_all(&stores[i]) ? 0 : 1);
    }
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        same = pids[i] > 0 && waitpid(pids[i], &status, 0) == pids[i] && status == 0 && same;
    }
    return same;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        const struct store given = { .name = argv[1], .port = (uint16_t)strtoul(argv[1], NULL, 10) };
        return run_all(&given) ? 0 : 1;
    }
    struct store stores[STORES_MAX];
    size_t count = stores_start(stores);
    bool same = run_everywhere(stores + 1, count - 1); /* the first is memory */
    stores_stop(stores, count);
    return same ? 0 : 1;
}
