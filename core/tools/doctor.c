#include "doctor.h"

#include "base/random.h"
#include "runtime/cache.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_TTL_MS = 10 * 1000, CERTIFICATE_DAYS_MIN = 14 };

const struct meaning *meaning_of(enum capability capability) {
    static const struct meaning meanings[CAPABILITIES] = {
        [CAN_SCRIPT] = { "scripts", "leases, locks, and all that is stored or invalidated",
                         "nothing but what is stored already can be read" },
        [CAN_LOAD] = { "script cache", "scripts are sent by their hash",
                       "each connection sends each script whole, once" },
        [CAN_RESP3] = { "RESP3", "the server can speak first", "no tracking" },
        [CAN_TRACK] = { "tracking", "who waits for another process is woken when the value is there",
                        "who waits looks again, every lock_sleep at the latest" },
        [CAN_TELL_HISTORY] = { "run id", "values of before a restart or failover are known as old",
                               "after a restart or failover they count as fresh, in strong mode, too" },
        [CAN_WAIT] = { "WAIT", "wait_replicas: replicas confirm invalidations",
                       "wait_replicas is without effect" },
        [CAN_UNLINK] = { "UNLINK", "memory of what is deleted is freed in the background",
                         "deleting a large value holds up the server" },
    };
    return &meanings[capability];
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void warn(struct diagnosis *self, const char *format, ...) {
    if (self->warning_count == WARNINGS_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(self->warnings[self->warning_count++], WARNING_SIZE, format, args);
    va_end(args);
}

/* ---- a value's way through the cache itself ---- */

struct trial {
    rcache *cache;
    const char *key;
    uint32_t size;
    char *failure;
};

static bool tried(const struct trial *trial, const char *what, int32_t status, rcache_result *result,
                  int32_t wanted) {
    rcache_value value;
    rcache_result_values(result, &value, 1);
    bool good = status == RCACHE_OK && value.outcome == wanted;
    if (!good && trial->failure[0] == '\0')
        snprintf(trial->failure, FAILURE_SIZE, "%s failed: %s", what,
                 status == RCACHE_OK ? outcome_name(value.outcome) : rcache_result_message(result, 0));
    rcache_result_free(result);
    return good;
}

static bool try_op(const struct trial *trial, const char *what, rcache_op *op, int32_t wanted) {
    rcache_result *result;
    int32_t status = rcache_op_run(op, NULL, NULL, &result);
    return tried(trial, what, status, result, wanted);
}

static void load_one(rcache_load *load, void *arg) {
    (void)arg;
    rcache_load_value(load, 0, "1", 1, 0);
    rcache_load_finish(load);
}

static bool try_fetch(const struct trial *trial, const char *what, uint32_t flags, int32_t wanted) {
    const rcache_call call = { .struct_size = sizeof call, .flags = flags };
    rcache_result *result;
    int32_t status =
        rcache_fetch(trial->cache, trial->key, trial->size, SCRATCH_TTL_MS, load_one, NULL, &call, &result);
    return tried(trial, what, status, result, wanted);
}

static void try_cache(rcache *cache, const char *key, char *failure) {
    const struct trial trial = { cache, key, (uint32_t)strlen(key), failure };
    bool good = try_fetch(&trial, "loading and storing a value", RCACHE_STRONG, RCACHE_LOADED);
    good = good && try_fetch(&trial, "finding it again", RCACHE_EVENTUAL, RCACHE_HIT);
    good = good && try_op(&trial, "locking its key", rcache_op_lock(cache, key, &trial.size, 1, "doctor", 6, 0, NULL),
                          RCACHE_DONE);
    good = good && try_op(&trial, "unlocking it", rcache_op_unlock(cache, key, &trial.size, 1, "doctor", 6, NULL),
                          RCACHE_DONE);
    good = good && try_op(&trial, "invalidating it", rcache_op_invalidate(cache, key, &trial.size, 1, NULL),
                          RCACHE_DONE);
    good = good && try_op(&trial, "deleting it", rcache_op_delete(cache, key, &trial.size, 1, NULL), RCACHE_DONE);
    (void)good;
}

/* ---- what it means ---- */

static bool asks_for_tls(const struct trust_options *trust) {
    return trust->ca_file[0] != '\0' || trust->ca_dir[0] != '\0' || trust->certificate[0] != '\0' ||
           trust->server_name[0] != '\0';
}

static void judge_connection(struct diagnosis *self, const struct settings *settings) {
    const struct examination *found = &self->found;
    if (found->tls[0] == '\0' && asks_for_tls(&settings->trust))
        warn(self, "options ask for TLS, and the URL doesn't: nothing is encrypted; write rediss://");
    if (found->tls[0] != '\0' && !settings->trust.verify)
        warn(self, "the server's certificate is not checked: leave out tls_verify=no");
    if (found->tls[0] != '\0' && found->certificate_days < 0)
        warn(self, "the server's certificate has expired");
    else if (found->tls[0] != '\0' && found->certificate_days < CERTIFICATE_DAYS_MIN)
        warn(self, "the server's certificate expires in %.1f days", found->certificate_days);
    if (found->cluster && settings->endpoint.scheme != SCHEME_CLUSTER)
        warn(self, "the server is one node of a cluster: write redis+cluster:// to reach the keys of the others");
}

static void judge_guarantees(struct diagnosis *self, const struct settings *settings) {
    const struct policy *policy = &settings->policy;
    const struct examination *found = &self->found;
    if (settings->failover == FAILOVER_TRUST)
        warn(self, "failover is trust: %s", meaning_of(CAN_TELL_HISTORY)->without);
    else if (!found->can[CAN_TELL_HISTORY])
        warn(self, "INFO tells no run id: %s", meaning_of(CAN_TELL_HISTORY)->without);
    if (policy->wait_replicas > 0 && !found->can[CAN_WAIT])
        warn(self, "wait_replicas is %u, and the server has no WAIT: no invalidation is confirmed",
             policy->wait_replicas);
    else if (found->replicas != NUMBER_UNKNOWN && found->replicas < (int64_t)policy->wait_replicas)
        warn(self, "wait_replicas is %u, and there are %" PRId64 " replicas: each invalidation will time out",
             policy->wait_replicas, found->replicas);
}

static void judge_memory(struct diagnosis *self) {
    const struct examination *found = &self->found;
    if (found->memory_max_bytes == 0)
        warn(self, "maxmemory is not set: the server grows until the system has no more memory");
    else if (found->memory_max_bytes > 0 && strcmp(found->policy, "noeviction") == 0)
        warn(self, "maxmemory-policy is noeviction: when memory is full, nothing can be stored; "
                   "choose allkeys-lru or allkeys-lfu");
}

static void diagnose(struct diagnosis *self, rcache *cache, const char *scratch, const char *key) {
    const struct settings *settings = &cache->settings;
    try_cache(cache, key, self->failure);
    const struct node *node = topology_server(&cache->topology, slice_of_text(scratch));
    if (node == NULL)
        return;
    self->others = cache->topology.node_count - 1;
    examine(cache, node, scratch, &self->found);
    if (self->found.failure[0] != '\0') {
        snprintf(self->failure, sizeof self->failure, "%s", self->found.failure);
        return;
    }
    judge_connection(self, settings);
    judge_guarantees(self, settings);
    judge_memory(self);
    if (self->found.replica)
        snprintf(self->failure, sizeof self->failure,
                 "this is a replica, which takes no writes: give the address of its primary");
}

int doctor_main(struct tool *tool) {
    if (tool->arg_count != 0)
        return EXIT_USAGE;
    if (tool->cache->memory != NULL) {
        puts(tool->json ? "{\"usable\": true, \"server\": \"memory\", \"warnings\": []}"
                        : "memory:// is a cache within the process: there is no server to look at.");
        return EXIT_DONE;
    }
    const char *prefix = tool->cache->settings.prefix;
    char key[64], *scratch = malloc(strlen(prefix) + sizeof key);
    struct diagnosis *diagnosis = calloc(1, sizeof *diagnosis);
    if (diagnosis == NULL || scratch == NULL) {
        free(diagnosis);
        free(scratch);
        return tool_complain(EXIT_FAILED, "no memory");
    }
    snprintf(key, sizeof key, "resilicache-doctor:%016" PRIx64, random_from_system());
    snprintf(scratch, strlen(prefix) + sizeof key, "%s%s", prefix, key);
    diagnose(diagnosis, tool->cache, scratch, key);
    if (tool->json)
        diagnosis_print_json(diagnosis);
    else
        diagnosis_print(diagnosis);
    bool fails = diagnosis->failure[0] != '\0', warns = diagnosis->warning_count > 0;
    free(diagnosis);
    free(scratch);
    return fails ? EXIT_FAILED : warns ? EXIT_WARNED : EXIT_DONE;
}
