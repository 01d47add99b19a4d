/* asking: one verb at a time of a real server, on whose reply a test looks as a text.  For tests by cmocka. */
#ifndef RESILICACHE_TESTS_ASKING_H
#define RESILICACHE_TESTS_ASKING_H

#include "differential/wire.h"

/* To the server that is asked. */
extern struct wire asking_wire;

/* "FRESH 'v'", "MISS", or the name of the status.  Takes the request; in a static buffer. */
const char *asking_answer(struct request request);
/* The tests of `run_all`, which returns how many have failed, on every server that is at hand; how many of all. */
int asking_on_each_server(int (*run_all)(const char *name));

#endif
