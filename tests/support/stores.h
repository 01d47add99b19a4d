/* stores: what the tests keep entries in: memory://, and every server whose program is at hand, started on a free port
 * of 127.0.0.1 (and a unix socket) and stopped by its pid.
 *
 * Programs: redis-server on the PATH or RCACHE_TEST_REDIS7; RCACHE_TEST_VALKEY9 and RCACHE_TEST_REDIS62 name theirs. */
#ifndef RESILICACHE_TESTS_STORES_H
#define RESILICACHE_TESTS_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct store {
    const char *name;    /* "memory", "redis 7.0", ... */
    const char *program; /* NULL: memory */
    char url[128];
    char directory[64];  /* of the server: dump, socket, log */
    uint16_t port;
    pid_t pid; /* 0: not running */
};

enum { STORES_MAX = 4 };

/* Starts all there are; returns how many.  A server that can't be had is named on stderr. */
size_t stores_start(struct store *stores);
void stores_stop(struct store *stores, size_t count);

/* One more server of the program, with further arguments (NULL: none); false when it did not come up. */
bool test_store_start(struct store *store, const char *const *arguments);
/* signal: SIGTERM ends it in order, SIGKILL at once; waits for the end and removes nothing. */
void test_store_end(struct store *store, int signal);
/* Again, on the same port and directory. */
bool test_store_restart(struct store *store, const char *const *arguments);
uint16_t test_store_free_port(void);
/* Removes the directory of a server that has ended. */
void test_store_remove(struct store *store);

/* The store that the running tests use; NULL commands where it is memory. */
extern struct store *store_now;

/* The program that an environment variable names, or the fallback. */
const char *test_program_of(const char *variable, const char *fallback);

/* A command to the store's server, printf-like as redisCommand; the reply as text: a string or status as it is, an
 * integer in decimal, nil "(nil)", an error "(error) ...", an array its items joined by spaces.  In a static buffer. */
const char *test_store_command(const char *format, ...);
const char *test_store_command_on(const struct store *store, const char *format, ...);

#endif
