#define _GNU_SOURCE
#include "support/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void worker_open(struct worker *worker, const char *options) {
    rcache_error err;
    memset(worker, 0, sizeof *worker);
    worker->cache = scene_open(options);
    worker->database.row = 1;
    assert_int_equal(rcache_stepper_new(worker->cache, &worker->stepper, &err), RCACHE_OK);
}

static void forget(struct worker_node *node) {
    close(node->fd);
    *node = (struct worker_node){ 0 };
}

void worker_close(struct worker *worker) {
    rcache_stepper_free(worker->stepper);
    for (size_t i = 0; i < WORKER_NODES_MAX; i++)
        if (worker->nodes[i].node != 0)
            forget(&worker->nodes[i]);
    if (worker->pooled.fd > 0)
        close(worker->pooled.fd);
    rcache_close(worker->cache);
}

void worker_fetch(struct worker *worker, const char *key, uint64_t tag, const rcache_call *call) {
    uint32_t size = (uint32_t)strlen(key);
    rcache_stepper_submit(worker->stepper, rcache_op_fetch(worker->cache, key, &size, 1, 100000, call), tag);
}

static struct worker_node *node_of(struct worker *worker, uint32_t node) {
    for (size_t i = 0; i < WORKER_NODES_MAX; i++)
        if (worker->nodes[i].node == node)
            return &worker->nodes[i];
    return NULL;
}

/* "redis://127.0.0.1:PORT" or "unix:///path" */
int worker_dial(const rcache_value *url) {
    char text[200];
    snprintf(text, sizeof text, "%.*s", (int)url->size, (const char *)url->data);
    struct sockaddr_un path = { .sun_family = AF_UNIX };
    struct sockaddr_in host = { .sin_family = AF_INET };
    bool local = strncmp(text, "unix://", 7) == 0;
    int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (local) {
        snprintf(path.sun_path, sizeof path.sun_path, "%.100s", text + 7);
    } else {
        char *port = strrchr(text, ':');
        *port++ = '\0';
        host.sin_port = htons((uint16_t)atoi(port));
        assert_int_equal(inet_pton(AF_INET, text + strlen("redis://"), &host.sin_addr), 1);
    }
    int failed = local ? connect(fd, (struct sockaddr *)&path, sizeof path)
                       : connect(fd, (struct sockaddr *)&host, sizeof host);
    if (failed == 0)
        return fd;
    close(fd);
    return -1;
}

static void connect_node(struct worker *worker, const rcache_event *event) {
    struct worker_node *place = node_of(worker, 0);
    assert_non_null(place);
    assert_true(event->wait_ms > 0);
    struct worker_node pooled = worker->pooled;
    if (pooled.fd > 0) {
        worker->pooled = (struct worker_node){ 0 };
        *place = (struct worker_node){ .node = event->node, .fd = pooled.fd };
        rcache_stepper_connected(worker->stepper, event->node, pooled.facts);
        return;
    }
    int fd = worker_dial(&event->value);
    if (fd < 0) {
        rcache_stepper_lost(worker->stepper, event->node, strerror(errno));
        return;
    }
    *place = (struct worker_node){ .node = event->node, .fd = fd };
    worker->connected++;
    rcache_stepper_connected(worker->stepper, event->node, NULL);
}

/* Everything, waiting where it has to: the tests' values fit into a socket's buffers. */
static void send_to_node(struct worker *worker, const rcache_event *event) {
    struct worker_node *node = node_of(worker, event->node);
    assert_non_null(node);
    const char *at = event->value.data, *end = at + event->value.size;
    while (at < end) {
        ssize_t sent = send(node->fd, at, (size_t)(end - at), MSG_NOSIGNAL);
        if (sent < 0) {
            rcache_stepper_lost(worker->stepper, node->node, strerror(errno));
            forget(node);
            return;
        }
        at += sent;
    }
}

static void take_done(struct worker *worker, const rcache_event *event) {
    assert_true(event->tag < WORKER_OPS_MAX);
    struct answer *answer = &worker->answers[event->tag];
    *answer = (struct answer){ .status = event->value.status, .outcome = event->value.outcome };
    size_t size = event->value.size < sizeof answer->text ? event->value.size : sizeof answer->text - 1;
    if (size > 0)
        memcpy(answer->text, event->value.data, size);
    snprintf(answer->message, sizeof answer->message, "%s", rcache_result_message(event->result, 0));
    worker->sizes[event->tag] = event->value.size;
    rcache_result_free(event->result);
    worker->done++;
}

static void take_event(struct worker *worker, const rcache_event *event) {
    if (event->load != NULL && worker->keep_loads)
        worker->loads[worker->load_count++] = event->load;
    else if (event->load != NULL)
        load_row(event->load, &worker->database);
    switch (event->kind) {
    case RCACHE_EVENT_DONE:
        take_done(worker, event);
        return;
    case RCACHE_EVENT_CONNECT:
        connect_node(worker, event);
        return;
    case RCACHE_EVENT_SEND:
        send_to_node(worker, event);
        return;
    case RCACHE_EVENT_CLOSE:
        worker->closed++;
        if (node_of(worker, event->node) != NULL)
            forget(node_of(worker, event->node));
        return;
    default:
        return;
    }
}

static bool drain(struct worker *worker) {
    rcache_event events[8];
    size_t count = rcache_stepper_drain(worker->stepper, events, 8);
    for (size_t i = 0; i < count; i++)
        take_event(worker, &events[i]);
    return count > 0;
}

static void receive(struct worker *worker, struct worker_node *node) {
    static char bytes[64 * 1024];
    ssize_t got = recv(node->fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
        rcache_stepper_lost(worker->stepper, node->node, got == 0 ? "the server closed it" : strerror(errno));
        forget(node);
        return;
    }
    size_t cut = worker->cut > 0 ? worker->cut : (size_t)got;
    for (size_t at = 0; at < (size_t)got; at += cut) {
        size_t size = (size_t)got - at < cut ? (size_t)got - at : cut;
        size_t missing = rcache_stepper_receive(worker->stepper, node->node, bytes + at, size);
        worker->missing_most = missing > worker->missing_most ? missing : worker->missing_most;
    }
}

void worker_turn(struct worker *worker, int wait_ms) {
    if (drain(worker))
        return;
    int64_t due_ms = rcache_stepper_wait_ms(worker->stepper);
    struct pollfd fds[WORKER_NODES_MAX];
    for (size_t i = 0; i < WORKER_NODES_MAX; i++)
        fds[i] = (struct pollfd){ .fd = worker->nodes[i].node != 0 ? worker->nodes[i].fd : -1, .events = POLLIN };
    if (poll(fds, WORKER_NODES_MAX, due_ms >= 0 && due_ms < wait_ms ? (int)due_ms : wait_ms) <= 0)
        return;
    for (size_t i = 0; i < WORKER_NODES_MAX; i++)
        if (fds[i].fd >= 0 && fds[i].revents != 0)
            receive(worker, &worker->nodes[i]);
}

void worker_run(struct worker *worker, size_t done) {
    int64_t end_ms = scene_now_ms() + 10000;
    while (worker->done < done) {
        if (scene_now_ms() > end_ms)
            fail_msg("%zu of %zu ops done after 10 s", worker->done, done);
        worker_turn(worker, 1000);
    }
}

void worker_give_back(struct worker *worker) {
    struct worker_node *node = &worker->nodes[0];
    assert_true(rcache_stepper_idle(worker->stepper, node->node));
    assert_true(rcache_stepper_facts(worker->stepper, node->node, node->facts, sizeof node->facts) > 0);
    rcache_stepper_lost(worker->stepper, node->node, NULL);
    assert_false(rcache_stepper_idle(worker->stepper, node->node));
    worker->pooled = *node;
    *node = (struct worker_node){ 0 };
}

void worker_cut_off(struct worker *worker) {
    for (size_t i = 0; i < WORKER_NODES_MAX; i++) {
        if (worker->nodes[i].node == 0)
            continue;
        rcache_stepper_lost(worker->stepper, worker->nodes[i].node, "cut off");
        forget(&worker->nodes[i]);
    }
}
