#include "runtime/passage.h"

#include "base/clock.h"
#include "runtime/cache.h"
#include "runtime/exchange.h"
#include "runtime/health.h"
#include "runtime/peeks.h"

bool passage_out(struct rcache *cache, struct request *request, size_t *place, struct link_node *requests,
                 struct link_node *done) {
    struct topology *topology = &cache->topology;
    if (!journal_admits(&cache->journal, request, done))
        return false;
    if (!topology_route(topology, request, topology_moves(topology) ? clock_now_ms() : 0, requests, done)) {
        service_expect(cache, topology->due_ms);
        return false;
    }
    if (!health_admits(cache, request, requests, done))
        return false;
    *place = request->server * exchange_places(cache) + exchange_place_of(cache, request);
    return true;
}

void passage_back(struct rcache *cache, struct link_node *done, struct link_node *requests) {
    int64_t now_ms = list_empty(done) ? 0 : clock_now_ms();
    peeks_answer(done);
    health_take(cache, done);
    topology_review(&cache->topology, done, now_ms, requests);
    if (topology_moves(&cache->topology))
        service_expect(cache, cache->topology.due_ms);
    journal_take(cache, done);
    if (!list_empty(done))
        recent_take(&cache->recent, done, now_ms);
}

size_t passage_home(const struct rcache *cache, struct slice key, uint32_t route) {
    size_t server = topology_server_number(&cache->topology, key);
    return server * exchange_places(cache) + route % cache->settings.connections;
}
