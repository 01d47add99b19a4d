/* slots: a topology's nodes, and which of them has which slots. */
#include "runtime/topology.h"

/* With the lock.  Its connections are made before it can be found. */
static bool add_node(struct topology *topology, struct slice host, uint16_t port, bool sentinel, uint32_t *index) {
    size_t count = topology->node_count;
    bool tls = topology->around.settings->endpoint.tls;
    struct node *node = count < topology->nodes_max ? node_new(host, port, tls, sentinel) : NULL;
    if (node == NULL)
        return false;
    if (!topology->around.connect(topology->around.owner, node)) {
        node_free(node);
        return false;
    }
    topology->nodes[count] = node;
    topology->node_count = count + 1;
    *index = (uint32_t)count;
    return true;
}

bool topology_find_node(struct topology *topology, struct slice host, uint16_t port, uint32_t teller, uint32_t *index) {
    if (host.size == 0)
        host = slice_of_text(topology->nodes[teller]->address.host);
    for (*index = 0; *index < topology->node_count; ++*index)
        if (node_is(topology->nodes[*index], host, port, false))
            return true;
    return add_node(topology, host, port, false, index);
}

bool topology_add_seeds(struct topology *topology, const struct endpoint *endpoint) {
    uint32_t index;
    bool sentinel = endpoint->scheme == SCHEME_SENTINEL;
    bool ok = add_node(topology, slice_of_text(endpoint->first.host), endpoint->first.port, sentinel, &index);
    if (ok && (endpoint->scheme == SCHEME_REDIS || endpoint->scheme == SCHEME_UNIX))
        topology->nodes[0]->reign = 1; /* the primary from the first, for all that we know */
    for (size_t i = 0; ok && i < endpoint->more_count; i++)
        ok = add_node(topology, slice_of_text(endpoint->more[i].host), endpoint->more[i].port, sentinel, &index);
    return ok;
}

size_t topology_slot_of(const struct topology *topology, struct slice key) {
    return topology->scheme == SCHEME_CLUSTER ? slot_of(key) : 0;
}

void topology_give_slot(struct topology *topology, size_t slot, uint32_t index) {
    uint16_t known = topology->slots[slot];
    if (known == index + 1)
        return;
    if (topology->nodes[index]->slot_count++ == 0)
        node_rise(topology->nodes[index], known != 0);
    topology->slots[slot] = (uint16_t)(index + 1);
    if (known == 0)
        return;
    topology->nodes[known - 1]->slot_count--;
    *topology->around.replaced = true;
}

static void learn_range(struct topology *topology, const struct map_range *range) {
    uint32_t index;
    if (!topology_find_node(topology, range->primary.host, range->primary.port, topology->asked, &index))
        return;
    size_t last = topology->scheme == SCHEME_CLUSTER ? range->last : 0;
    for (size_t slot = range->first; slot <= last; slot++)
        topology_give_slot(topology, slot, index);
}

/* With the lock.  Processes choose at random, and each stays with its choice. */
static void learn_replica(struct topology *topology, const struct map_range *range) {
    struct slice rest = range->replicas;
    struct map_server server;
    size_t count = 0;
    uint32_t index, chosen = 0;
    while (map_next_server(&rest, &server))
        count++;
    rest = range->replicas;
    for (size_t pick = count > 0 ? topology->around.seed % count : 0; map_next_server(&rest, &server); pick--)
        if (pick == 0 && topology_find_node(topology, server.host, server.port, topology->asked, &index))
            chosen = index + 1;
    for (size_t slot = range->first; slot <= range->last; slot++)
        topology->replicas[slot] = (uint16_t)chosen;
}

void topology_learn(struct topology *topology, struct slice map) {
    struct map_range range;
    while (map_next_range(&map, &range)) {
        learn_range(topology, &range);
        if (topology->replicas != NULL)
            learn_replica(topology, &range);
    }
}

bool topology_is_lost(const struct topology *topology, int64_t now_ms) {
    int64_t missed_ms = topology->missed_ms;
    return missed_ms > 0 && now_ms - missed_ms >= topology->around.settings->op_timeout_ms;
}
