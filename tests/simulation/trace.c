/* trace: a command in words. */
#include "record.h"
#include "world.h"

static const char *verb_name(enum verb verb) {
    static const char *const names[] = { "peek", "watch",  "acquire", "refresh",
                                         "put", "renew",   "release", "invalidate",
                                         "lock", "unlock", "set",     "raw", "get",     "delete",  "inspect", "where" };
    return names[verb];
}

static const char *verdict_name(enum verdict verdict) {
    static const char *const names[] = { "an error", "fresh", "unfresh", "miss", "owned",
                                         "busy",     "stored", "lost", "outdated",   "done" };
    return names[verdict];
}

void record_tell(struct world *world, uint32_t member, const struct message *message) {
    const struct request *request = &message->request;
    const struct source *given = check_source_of(world, request->reply.value);
    const struct source *stored = check_source_of(world, request->value);
    const struct source *shown = given != NULL ? given : stored;
    char value[48] = "";
    if (shown != NULL)
        snprintf(value, sizeof value, ", v%u of load %u", shown->version,
                 (unsigned)(shown - world->check.sources) + 1);
    if (message->refused) {
        tell(world, "server %u: %s k%u: %s", member, verb_name(request->verb), message->key, message->refusal);
        return;
    }
    tell(world, "server %u: %s k%u%s%.*s: %s%s%s", member, verb_name(request->verb), message->key,
         request->owner.size > 0 ? " by " : "", (int)request->owner.size,
         request->owner.size > 0 ? request->owner.data : "", verdict_name(request->reply.verdict),
         request->absent || request->reply.absent ? ", absent" : "", value);
}
