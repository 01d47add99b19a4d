/* wire: requests carried out one by one on a blocking socket, by the codec and the reader alone. */
#ifndef RESILICACHE_TESTS_WIRE_H
#define RESILICACHE_TESTS_WIRE_H

#include "backend/redis/net/reader.h"
#include "backend/redis/redis.h"

struct wire {
    int fd; /* -1: not open, or lost */
    struct reader *reader;
    struct server_facts facts;
    uint32_t rounds; /* of the last request: how often it was sent */
};

/* To 127.0.0.1, in RESP3 or RESP2; nothing is loaded or asked.  False: `wire` is closed. */
bool wire_open(struct wire *wire, uint16_t port, bool resp3);
void wire_close(struct wire *wire);
/* Fills request->reply; false when the connection is lost or makes no sense. */
bool wire_execute(struct wire *wire, struct request *request);
/* A command of bulk strings, the last NULL, and its reply, until the next call; NULL when the connection is lost. */
const struct resp *wire_command(struct wire *wire, const char *const *words);

#endif
