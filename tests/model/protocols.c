#include "model/protocols.h"

#define OURS                                                                                                         \
    {                                                                                                                \
        .leases = true, .looks_first = true, .owner_stores = true, .own_tokens = true, .voids = true,                \
        .accepted_only = true, .joiners = true, .own_stale = true, .first_bounds = true, .epoch = true,              \
        .one_history = true, .unlock_always = true, .lock_stays = true, .lock_ends = true, .lease_ends = true,       \
        .renews = true, .intents = true, .server_clock = true                                                        \
    }

/* As it is coded: one script looks and takes the lease, calls of one process share whatever call is running, clocks are
 * the clients', and what was refused is returned all the same. */
#define ROCKSCACHE                                                                                                   \
    {                                                                                                                \
        .leases = true, .owner_stores = true, .voids = true, .own_stale = true, .lease_ends = true                   \
    }

enum { CACHE_ASIDE, ROCKS_WEAK, ROCKS_STRONG, ROCKS_LOCK, OURS_STRONG, OURS_EVENTUAL, OURS_LOCKING, OURS_INTENTS,
       OURS_MIXED };

const struct protocol PROTOCOLS[PROTOCOL_COUNT] = {
    [CACHE_ASIDE] = { .name = "cache-aside",
                      .rules = { .looks_first = true },
                      .strong = true,
                      .invalidates = true,
                      .bounds = { 3, 2, 3 },
                      .long_bounds = { 4, 2, 3 } },
    [ROCKS_WEAK] = { .name = "rockscache, weak",
                     .rules = ROCKSCACHE,
                     .eventual = true,
                     .invalidates = true,
                     .bounds = { 3, 2, 2 },
                     .long_bounds = { 4, 2, 2 } },
    [ROCKS_STRONG] = { .name = "rockscache, strong",
                       .rules = ROCKSCACHE,
                       .strong = true,
                       .invalidates = true,
                       .bounds = { 3, 2, 2 },
                       .long_bounds = { 4, 2, 2 } },
    [ROCKS_LOCK] = { .name = "rockscache, locking",
                     .rules = ROCKSCACHE,
                     .strong = true,
                     .locks = true,
                     .bounds = { 3, 2, 2 },
                     .long_bounds = { 4, 2, 2 } },
    [OURS_STRONG] = { .name = "strong",
                      .rules = OURS,
                      .ours = true,
                      .strong = true,
                      .invalidates = true,
                      .bounds = { 3, 2, 2 },
                      .long_bounds = { 3, 3, 2 } },
    [OURS_EVENTUAL] = { .name = "eventual",
                        .rules = OURS,
                        .ours = true,
                        .eventual = true,
                        .invalidates = true,
                        .bounds = { 3, 2, 2 },
                        .long_bounds = { 3, 3, 2 } },
    [OURS_LOCKING] = { .name = "both, locking",
                       .rules = OURS,
                       .ours = true,
                       .strong = true,
                       .eventual = true,
                       .locks = true,
                       .bounds = { 2, 2, 2 },
                       .long_bounds = { 3, 2, 2 } },
    [OURS_INTENTS] = { .name = "both, intents",
                       .rules = OURS,
                       .ours = true,
                       .strong = true,
                       .eventual = true,
                       .locks = true,
                       .intents = true,
                       .bounds = { 2, 2, 2 },
                       .long_bounds = { 3, 2, 2 } },
    [OURS_MIXED] = { .name = "both, mixed",
                     .rules = OURS,
                     .ours = true,
                     .strong = true,
                     .eventual = true,
                     .invalidates = true,
                     .locks = true,
                     .bounds = { 2, 2, 2 },
                     .long_bounds = { 3, 2, 2 } },
};

enum {
    NO_FAULT,
    PAUSE,
    EVICTION,
    FAILING_LOAD,
    KILLED,
    TIME,
    SENT_AGAIN,
    SLOW_LOADS,
    CLOCKS,
    FAILOVER,
    FAILOVER_TIME,
    FAILOVER_WAIT,
    DEAD_WRITER,
    LAGGING_DATABASE,
    SPLIT_BRAIN,
    SPLIT_BRAIN_WAIT
};

/* Enough to show what is not promised, and where time and failover come together. */
#define FEW .readers_max = 2, .writers_max = 1

const struct faults FAULTS[FAULTS_COUNT] = {
    [NO_FAULT] = { .name = "none", .no_excuse = true },
    [PAUSE] = { .name = "suspended, twice", .budget = { .pauses = 2 } },
    [EVICTION] = { .name = "evicted; suspended", .budget = { .pauses = 1, .evictions = 1 } },
    [FAILING_LOAD] = { .name = "a load fails; suspended", .budget = { .pauses = 1, .failures = 1 } },
    [KILLED] = { .name = "a process killed; suspended", .budget = { .pauses = 1, .crashes = 1 } },
    [TIME] = { .name = "`delay` passes; suspended", .budget = { .delays = 1, .pauses = 1 } },
    [SENT_AGAIN] = { .name = "sent again", .budget = { .repeats = 1 } },
    [SLOW_LOADS] = { .name = "slow loads", .slow_loads = true, .no_excuse = true },
    [CLOCKS] = { .name = "a clock ahead", .fast_clock = true, .no_excuse = true },
    [FAILOVER] = { .name = "failover", .failover = true },
    [FAILOVER_TIME] = { .name = "failover; `delay` passes",
                        .budget = { .delays = 1 },
                        .failover = true,
                        FEW },
    [FAILOVER_WAIT] = { .name = "failover, `WAIT`", .failover = true, .wait_replicas = true },
    [DEAD_WRITER] = { .name = "a writer dies", .budget = { .deaths = 1 }, .outside = true, FEW },
    [LAGGING_DATABASE] = { .name = "lagging database", .lagging_database = true, .outside = true, FEW },
    [SPLIT_BRAIN] = { .name = "split brain", .failover = true, .split_brain = true, .outside = true, FEW },
    [SPLIT_BRAIN_WAIT] = { .name = "split brain, `WAIT`",
                           .failover = true,
                           .split_brain = true,
                           .wait_replicas = true,
                           .outside = true,
                           FEW },
};

#define WITHOUT(rule, in, fault, name) { name, offsetof(struct rules, rule), &PROTOCOLS[in], &FAULTS[fault] }

const struct omission OMISSIONS[OMISSION_COUNT] = {
    WITHOUT(owner_stores, OURS_STRONG, NO_FAULT, "only the owner of the lease stores"),
    WITHOUT(voids, OURS_STRONG, NO_FAULT, "an invalidation takes the token away"),
    WITHOUT(own_tokens, OURS_STRONG, SENT_AGAIN, "each sending of acquire has a token of its own"),
    WITHOUT(accepted_only, OURS_STRONG, PAUSE, "strong: what was refused is not returned"),
    WITHOUT(joiners, OURS_STRONG, NO_FAULT, "who joined too late goes again"),
    WITHOUT(own_stale, OURS_EVENTUAL, TIME, "a joiner is served the flight's stale value"),
    WITHOUT(first_bounds, OURS_EVENTUAL, TIME, "`delay` counts from the first invalidation"),
    WITHOUT(epoch, OURS_STRONG, FAILOVER, "a value of another history is not fresh"),
    WITHOUT(one_history, OURS_STRONG, FAILOVER, "a lease of another history stores nothing"),
    WITHOUT(unlock_always, OURS_LOCKING, EVICTION, "unlock always invalidates"),
    WITHOUT(lock_stays, OURS_MIXED, NO_FAULT, "an invalidation leaves another's lock"),
    WITHOUT(intents, OURS_INTENTS, NO_FAULT, "a write intent takes the value away"),
    WITHOUT(lock_ends, OURS_LOCKING, DEAD_WRITER, "a lock ends by itself"),
    WITHOUT(lease_ends, OURS_STRONG, KILLED, "a lease ends by itself"),
    WITHOUT(renews, OURS_STRONG, SLOW_LOADS, "a lease is renewed while its loader works"),
    WITHOUT(server_clock, OURS_STRONG, CLOCKS, "only the server's clock counts"),
};

static int at_most(int count, int max) {
    return max > 0 && max < count ? max : count;
}

struct setup setup_of(const struct protocol *protocol, const struct faults *faults, bool at_length) {
    const struct bounds *bounds = at_length ? &protocol->long_bounds : &protocol->bounds;
    int readers_max = faults->readers_max + (at_length && faults->readers_max > 0 ? 1 : 0);
    return (struct setup){ protocol, faults, at_most(bounds->readers, readers_max),
                           at_most(bounds->writers, faults->writers_max), bounds->processes };
}
