/* past: loads past the cache while no server answers, or takes what is to be written.  They ask nothing more of the
 * store, and nothing is stored; a key still has one at a time in this process, and all keys together only so many, so
 * that the database survives. */
#include "engine/flight.h"

#include "base/rule.h"
#include "base/text.h"
#include "resilicache.h"

bool flight_lacks_server(const struct reply *reply) {
    return reply->status == RCACHE_E_UNAVAILABLE || RULE(refused_fetches_load, reply->refused);
}

static void refuse(struct engine *engine, struct flight *flight, int32_t status, const char *why, int64_t now_ms) {
    char most[TEXT_NUMBER_SIZE];
    struct blob *words = text_join(why, "; and past the cache as many loads are under way as down_loads_max allows: ",
                                   text_of_number(most, engine->policy->down_loads_max), (const char *)NULL);
    engine->counters->loads_down_refused++;
    flight_fail(engine, flight, status, words != NULL ? words->data : why, now_ms);
    blob_drop(words);
}

static void load_past(struct engine *engine, struct flight *flight, int64_t now_ms) {
    engine->loads_past++;
    engine->counters->loads_down++;
    flight->direct = flight->past = true;
    flight_won(engine, flight, now_ms);
    flight_hand_over(engine, flight, now_ms);
}

static void lose_server(struct engine *engine, struct flight *flight, int32_t status, const char *why, int64_t now_ms) {
    if (engine->policy->server_down == SERVER_DOWN_FAIL) {
        flight_fail(engine, flight, status, why, now_ms);
        return;
    }
    if (engine->policy->server_down == SERVER_DOWN_EVENTUAL)
        flight_fail_strong(engine, flight, status, why);
    if (list_empty(&flight->waiting))
        flight_deliver(engine, flight, &(struct delivery){ 0 }, now_ms);
    else if (engine->loads_past >= engine->policy->down_loads_max)
        refuse(engine, flight, status, why, now_ms);
    else
        load_past(engine, flight, now_ms);
}

void flight_lose_server(struct engine *engine, struct flight *flight, const struct reply *reply, int64_t now_ms) {
    struct blob *message = blob_share(reply->message); /* the reply may be its flight's, and end with it */
    lose_server(engine, flight, reply->status, message != NULL ? message->data : "no server takes it", now_ms);
    blob_drop(message);
}
