#include "version.h"

#include "world.h"

bool version_refuses(struct world *world, struct record *record, const struct message *message) {
    const struct request *request = &message->request;
    enum verdict verdict = request->reply.verdict;
    bool older = request->version > 0 && request->version < record->version;
    bool stores = verdict == VERDICT_STORED || (verdict == VERDICT_DONE && request->verb == VERB_SET);
    if (stores && older)
        world_violate(world, "versions: v%lld of k%u was stored, when v%lld was known", (long long)request->version,
                      message->key, (long long)record->version);
    else if (verdict == VERDICT_OUTDATED && !older)
        world_violate(world, "versions: v%lld of k%u was refused, though no newer one is known",
                      (long long)request->version, message->key);
    if (stores && (request->version > 0 || request->verb == VERB_SET))
        record->version = request->version;
    if (verdict == VERDICT_DONE && request->verb == VERB_INVALIDATE && request->version > record->version)
        record->version = request->version;
    return verdict == VERDICT_OUTDATED;
}
