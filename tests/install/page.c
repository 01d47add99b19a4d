/* page: the code of docs/c-api.md, and what it leaves to its reader: `page PORT` fetches a key over and over by the
 * stepping driver, each time by a connection of its own, and prints how often it was there, or why not. */
#define _POSIX_C_SOURCE 200809L
#include <resilicache.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TIMES = 100, WAIT_MS = 1000 };

struct sockets {
    struct {
        uint32_t node;
        int fd;
    } all[16];
    size_t count;
};

static size_t place_of(const struct sockets *sockets, uint32_t node) {
    size_t place = 0;
    while (place < sockets->count && sockets->all[place].node != node)
        place++;
    return place;
}

static void sockets_put(struct sockets *sockets, uint32_t node, int fd) {
    sockets->all[sockets->count].node = node;
    sockets->all[sockets->count++].fd = fd;
}

static int sockets_find(const struct sockets *sockets, uint32_t node) {
    size_t place = place_of(sockets, node);
    return place < sockets->count ? sockets->all[place].fd : -1;
}

static int sockets_take(struct sockets *sockets, uint32_t node) {
    size_t place = place_of(sockets, node);
    int fd = sockets_find(sockets, node);
    if (fd >= 0)
        sockets->all[place] = sockets->all[--sockets->count];
    return fd;
}

/* The URL is redis://127.0.0.1:PORT. */
static int connect_to(const char *url, size_t size) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    char text[64] = "";
    memcpy(text, url, size < sizeof text - 1 ? size : sizeof text - 1);
    address.sin_port = htons((uint16_t)atoi(strrchr(text, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static int send_all(int fd, const char *bytes, size_t size) {
    for (ssize_t sent; size > 0; bytes += sent, size -= (size_t)sent)
        if ((sent = send(fd, bytes, size, MSG_NOSIGNAL)) < 0)
            return -1;
    return 0;
}

static int execute(void *database, uint64_t fence) {
    return database != NULL && fence > 0;
}

#define rcache_result_free take_result /* the page's drivers let results go: here they are looked at before */
static int done, failed;
static void take_result(rcache_result *result);

#include "page_code.h"

#undef rcache_result_free

static void take_result(rcache_result *result) {
    int32_t status = rcache_result_status(result, NULL);
    done++;
    failed += status != RCACHE_OK;
    if (status != RCACHE_OK)
        printf("%s\n", rcache_status_name(status));
    rcache_result_free(result);
}

static void receive(rcache_stepper *stepper, struct sockets *sockets) {
    char bytes[4096];
    struct pollfd fds[16];
    size_t count = sockets->count;
    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){ .fd = sockets->all[i].fd, .events = POLLIN };
    int64_t wait_ms = rcache_stepper_wait_ms(stepper);
    poll(fds, count, wait_ms >= 0 && wait_ms < WAIT_MS ? (int)wait_ms : WAIT_MS);
    for (size_t i = count; i-- > 0;) {
        uint32_t node = sockets->all[i].node;
        ssize_t size = fds[i].revents != 0 ? read(fds[i].fd, bytes, sizeof bytes) : 0;
        if (size > 0)
            rcache_stepper_receive(stepper, node, bytes, (size_t)size);
    }
}

static void load_value(rcache_load *load, void *arg) {
    (void)arg;
    rcache_load_value(load, 0, "value", 5, 0);
    rcache_load_finish(load);
}

int main(int argc, char **argv) {
    char url[128];
    snprintf(url, sizeof url, "redis://127.0.0.1:%s?op_timeout=10s&deadline=20s&server_down=fail",
             argc > 1 ? argv[1] : "6379");
    struct sockets sockets = { .count = 0 };
    rcache *cache = open_cache(url);
    rcache_stepper *stepper;
    if (cache == NULL || rcache_stepper_new(cache, &stepper, NULL) != RCACHE_OK)
        return 1;
    const uint32_t size = 6;
    while (done < TIMES && failed == 0) {
        int before = done;
        rcache_stepper_submit(stepper, rcache_op_fetch(cache, "page:1", &size, 1, 60 * 1000, NULL), 0);
        for (;;) {
            run_round(stepper, &sockets, load_value, NULL);
            if (done > before)
                break;
            receive(stepper, &sockets);
        }
        while (sockets.count > 0) { /* as a pool that keeps none */
            uint32_t node = sockets.all[0].node;
            close(sockets_take(&sockets, node));
            rcache_stepper_lost(stepper, node, NULL);
        }
    }
    printf("%d\n", done - failed);
    rcache_stepper_free(stepper);
    rcache_close(cache);
    return 0;
}
