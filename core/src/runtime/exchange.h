/* exchange: the requests on one connection and their replies, in order.  What link and lane have in common: one has a
 * socket that many threads use, the other is moved by its caller.  No I/O, no lock. */
#ifndef RESILICACHE_RUNTIME_EXCHANGE_H
#define RESILICACHE_RUNTIME_EXCHANGE_H

#include "backend/redis/redis.h"
#include "resilicache.h"

struct node;
struct rcache;

/* What a connection is for.  The first of the settings' `connections` are for everything. */
enum link_purpose { LINK_SHARED, LINK_LARGE, LINK_CONFIRM, LINK_WATCH };

/* How many connections there are, the shared ones first, and which of them a request goes by. */
size_t exchange_places(const struct rcache *cache);
enum link_purpose exchange_purpose(const struct rcache *cache, size_t place);
size_t exchange_place_of(const struct rcache *cache, const struct request *request);

/* The request comes back with a failure. */
void exchange_finish(struct request *request, int32_t status, const char *message, struct link_node *done);
/* The same, without having asked the server. */
void exchange_refuse(struct request *request, int32_t status, const char *message, struct link_node *done);
void exchange_finish_all(struct link_node *requests, int32_t status, const char *message, struct link_node *done);

/* The reply belongs to the oldest request of `due`, which then is in `done`, or in `again` if it is to be encoded once
 * more; or in `confirming`, until the reply to WAIT comes for all that are there.  False: it makes no sense. */
bool exchange_take_reply(const struct resp *resp, const struct server_facts *facts, struct link_node *due,
                         struct link_node *confirming, struct link_node *again, struct link_node *done);
void exchange_take_push(struct rcache *cache, const struct resp *push);
/* After a lost connection.  Every verb may be carried out twice: what had no answer goes to `unsent`, to be sent once
 * more by the next connection, unless it was already. */
void exchange_resend(struct link_node *due, int32_t status, const char *message, struct link_node *unsent,
                     struct link_node *done);
/* When a connection is dead whose oldest request is this (NULL: never), and on which bytes last flowed then. */
int64_t exchange_dead_ms(const struct rcache *cache, enum link_purpose purpose, const struct request *oldest,
                         int64_t progress_ms);

/* When to connect again after failures, and what the last of them was. */
struct backoff {
    int64_t retry_ms; /* not before */
    int64_t noted_ms;
    int64_t pause_ms;
    rcache_error failure;
};

/* The request has to come back with that failure: it is too early to connect.  Not too early for a probe, nor once one
 * has found the server again. */
bool backoff_bars(const struct backoff *backoff, const struct node *node, const struct request *request,
                  int64_t now_ms);
void backoff_note(struct backoff *backoff, const rcache_error *failure, int64_t now_ms, uint64_t seed);

#endif
