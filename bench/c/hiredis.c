/* hiredis, blocking: each caller has a connection of its own. */
#include "worker.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

struct own {
    const struct task *task;
    redisContext *connection;
};

static void *open_nothing(const struct task *task) {
    (void)task;
    return NULL;
}

static void *join(const struct task *task, void *all) {
    (void)all;
    char host[64];
    int port;
    struct own *own = malloc(sizeof *own);
    if (own == NULL || sscanf(task->url, "redis://%63[^:]:%d", host, &port) != 2)
        die("hiredis wants redis://host:port, not '%s'", task->url);
    *own = (struct own){ task, redisConnect(host, port) };
    if (own->connection == NULL || own->connection->err)
        die("no connection to %s:%d", host, port);
    return own;
}

static redisReply *checked(struct own *own, redisReply *reply, int type) {
    if (reply == NULL)
        die("hiredis: %s", own->connection->errstr);
    if (reply->type != type)
        die("hiredis: %s", reply->type == REDIS_REPLY_ERROR ? reply->str : "a miss where there has to be a hit");
    return reply;
}

static void set(void *arg, const char *key, size_t key_size, const char *value, size_t size) {
    struct own *own = arg;
    redisReply *reply = redisCommand(own->connection, "SET %b %b PX %d", key, key_size, value, size, TTL_MS);
    freeReplyObject(checked(own, reply, REDIS_REPLY_STATUS));
}

static size_t hit(void *arg, const char *key, size_t key_size) {
    struct own *own = arg;
    redisReply *reply = checked(own, redisCommand(own->connection, "GET %b", key, key_size), REDIS_REPLY_STRING);
    size_t size = reply->len;
    freeReplyObject(reply);
    return size;
}

static size_t batch(void *arg, size_t first, size_t count) {
    struct own *own = arg;
    size_t there = 0;
    for (size_t i = 0; i < count; i++)
        redisAppendCommand(own->connection, "GET %b", task_key(own->task, first + i), own->task->key_size);
    for (size_t i = 0; i < count; i++) {
        void *reply = NULL;
        redisGetReply(own->connection, &reply);
        there += checked(own, reply, REDIS_REPLY_STRING)->len == own->task->size;
        freeReplyObject(reply);
    }
    return there;
}

const struct contender contender_hiredis = { "hiredis", open_nothing, join, set, hit, batch };
