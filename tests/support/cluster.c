#include "support/cluster.h"

#include "support/scene.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool run_node(struct cluster *cluster, int node, bool (*run)(struct store *, const char *const *)) {
    char bus[8];
    snprintf(bus, sizeof bus, "%u", cluster->bus[node]);
    const char *arguments[] = { "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-config-file",
                                "nodes.conf", "--cluster-port", bus, "--cluster-require-full-coverage", "no", NULL };
    return run(&cluster->nodes[node], arguments);
}

bool cluster_restart(struct cluster *cluster, int node) {
    return run_node(cluster, node, test_store_restart);
}

static bool is_complete(struct cluster *cluster) {
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (strstr(test_store_command_on(&cluster->nodes[i], "CLUSTER INFO"), "cluster_state:ok") == NULL ||
            strstr(test_store_command_on(&cluster->nodes[i], "CLUSTER INFO"), "cluster_size:3") == NULL)
            return false;
    return true;
}

void cluster_start(struct cluster *cluster, const char *program) {
    static const char *const names[] = { "node 0", "node 1", "node 2" };
    for (int i = 0; i < CLUSTER_NODES; i++) {
        cluster->nodes[i] = (struct store){ .name = names[i], .program = program };
        cluster->bus[i] = test_store_free_port();
        if (!run_node(cluster, i, test_store_start))
            fail_msg("%s can't be started as a node of a cluster", program);
    }
    for (int i = 0; i < CLUSTER_NODES; i++) {
        int first = 16384 * i / CLUSTER_NODES, last = 16384 * (i + 1) / CLUSTER_NODES - 1;
        test_store_command_on(&cluster->nodes[i], "CLUSTER ADDSLOTSRANGE %d %d", first, last);
        if (i > 0)
            test_store_command_on(&cluster->nodes[0], "CLUSTER MEET 127.0.0.1 %d %d", cluster->nodes[i].port,
                                  cluster->bus[i]);
    }
    wait_for(is_complete(cluster));
    cluster->whole = cluster->nodes[0];
    cluster->whole.name = "cluster";
    snprintf(cluster->whole.url, sizeof cluster->whole.url, "redis+cluster://127.0.0.1:%u,127.0.0.1:%u",
             cluster->nodes[0].port, cluster->nodes[1].port);
}

void cluster_stop(struct cluster *cluster) {
    for (int i = 0; i < CLUSTER_NODES; i++) {
        test_store_end(&cluster->nodes[i], SIGKILL);
        test_store_remove(&cluster->nodes[i]);
    }
}

int cluster_slot(struct cluster *cluster, const char *key) {
    return atoi(test_store_command_on(&cluster->nodes[0], "CLUSTER KEYSLOT %s", key));
}

/* Whom a node takes for the owner of a slot. */
static int owner_as_seen_by(struct cluster *cluster, int node, int slot) {
    char owner[64] = "", slots[1024];
    snprintf(slots, sizeof slots, "%s", test_store_command_on(&cluster->nodes[node], "CLUSTER SLOTS"));
    int first, last, used;
    char id[64];
    for (const char *at = slots; sscanf(at, "%d %d %*s %*d %60s%n", &first, &last, id, &used) == 3; at += used)
        if (slot >= first && slot <= last)
            snprintf(owner, sizeof owner, "%s", id);
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (strcmp(test_store_command_on(&cluster->nodes[i], "CLUSTER MYID"), owner) == 0)
            return i;
    return -1;
}

int cluster_owner(struct cluster *cluster, int slot) {
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (owner_as_seen_by(cluster, i, slot) == i)
            return i;
    return -1;
}

static int epoch_of(struct cluster *cluster, int node) {
    const char *epoch =
        strstr(test_store_command_on(&cluster->nodes[node], "CLUSTER INFO"), "cluster_current_epoch:");
    return epoch == NULL ? -1 : atoi(epoch + strlen("cluster_current_epoch:"));
}

/* A node that takes a slot before it has heard of the last move's epoch would choose the same one, and the two owners
 * would settle it between themselves. */
static bool all_agree(struct cluster *cluster, int slot, int owner) {
    for (int i = 0; i < CLUSTER_NODES; i++)
        if (owner_as_seen_by(cluster, i, slot) != owner || epoch_of(cluster, i) != epoch_of(cluster, owner))
            return false;
    return true;
}

void cluster_begin_move(struct cluster *cluster, int slot, int to) {
    char from_id[64], to_id[64];
    struct store *from = &cluster->nodes[cluster_owner(cluster, slot)];
    snprintf(from_id, sizeof from_id, "%s", test_store_command_on(from, "CLUSTER MYID"));
    snprintf(to_id, sizeof to_id, "%s", test_store_command_on(&cluster->nodes[to], "CLUSTER MYID"));
    test_store_command_on(&cluster->nodes[to], "CLUSTER SETSLOT %d IMPORTING %s", slot, from_id);
    test_store_command_on(from, "CLUSTER SETSLOT %d MIGRATING %s", slot, to_id);
}

static void move_keys(struct store *from, const struct store *to, int slot) {
    for (;;) {
        char key[128];
        snprintf(key, sizeof key, "%s", test_store_command_on(from, "CLUSTER GETKEYSINSLOT %d 1", slot));
        if (key[0] == '\0')
            return;
        const char *reply = test_store_command_on(from, "MIGRATE 127.0.0.1 %d %s 0 5000 REPLACE", to->port, key);
        if (strcmp(reply, "OK") != 0)
            fail_msg("MIGRATE %s: %s", key, reply);
    }
}

void cluster_move_slot(struct cluster *cluster, int slot, int to) {
    char id[64];
    int from = cluster_owner(cluster, slot);
    cluster_begin_move(cluster, slot, to);
    move_keys(&cluster->nodes[from], &cluster->nodes[to], slot);
    snprintf(id, sizeof id, "%s", test_store_command_on(&cluster->nodes[to], "CLUSTER MYID"));
    test_store_command_on(&cluster->nodes[to], "CLUSTER SETSLOT %d NODE %s", slot, id);
    test_store_command_on(&cluster->nodes[from], "CLUSTER SETSLOT %d NODE %s", slot, id);
    wait_for(all_agree(cluster, slot, to));
}
