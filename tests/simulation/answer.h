/* answer: what a message brings back, into the request that waits for it. */
#ifndef RESILICACHE_TESTS_ANSWER_H
#define RESILICACHE_TESTS_ANSWER_H

#include "network.h"

/* The request goes to *done, or to *again where it is to be asked in another form. */
void answer_take(struct world *world, struct message *message, struct link_node *again, struct link_node *done);

#endif
