/* peeks: looks at keys that have gathered on a connection and are not sent yet.  Who wants to look at the same one
 * needn't ask: the answer to that one will be no older than one of its own. */
#ifndef RESILICACHE_RUNTIME_PEEKS_H
#define RESILICACHE_RUNTIME_PEEKS_H

#include "engine/verbs.h"

enum { PEEKS_MAX = 64 };

struct peeks {
    uint64_t batch; /* of what gathers now */
    struct {
        struct request *first;
        uint64_t batch; /* that it is in; another one: it may be no more */
    } places[PEEKS_MAX]; /* by a hash of the key */
};

/* Of a request that is about to be encoded.  True: it needn't be, and is in the `followers` of one that was. */
bool peeks_join(struct peeks *peeks, struct request *request);
/* What has gathered is on its way, or lost. */
void peeks_part(struct peeks *peeks);
/* These have come back: behind each in *done is now who has followed it, with the same answer. */
void peeks_answer(struct link_node *done);

#endif
