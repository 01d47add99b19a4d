/* event: something that is to happen at a time.  Who owns it carries it. */
#ifndef RESILICACHE_TESTS_EVENT_H
#define RESILICACHE_TESTS_EVENT_H

#include "base/heap.h"
#include "base/list.h"

struct world;
struct event;
typedef void event_run(struct world *world, struct event *event);

struct event {
    struct heap_node node;
    event_run *run;
};

#define event_owner(event, type, member) list_entry(event, type, member)

#endif
