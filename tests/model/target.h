/* target: a shipped backend with one entry, to which the model's rules are held. */
#ifndef RESILICACHE_TESTS_MODEL_TARGET_H
#define RESILICACHE_TESTS_MODEL_TARGET_H

#include "model/cell.h"

#include <stdint.h>

/* Owners: texts "A", "B", and "A-2", which is A's where its acquire is sent again. */
enum { TOKEN_A = 1, TOKEN_B, TOKEN_A2, TOKEN_STRANGE };

struct target {
    const char *name;
    bool has_histories; /* it tells an epoch, and sends acquire again */
    /* Fills request->reply, at the server of that history.  False: the backend is lost. */
    bool (*execute)(struct target *target, struct request *request, int8_t history);
    /* The entry as it lies there.  False: it is none that the model knows. */
    bool (*read)(struct target *target, struct cell *cell);
    void (*wait)(struct target *target, int64_t ms);
    void (*close)(struct target *target);
    void *own;
};

/* False: it can't be had. */
bool target_open_memory(struct target *target);
bool target_open_server(struct target *target, const char *name, uint16_t port);

struct slice target_key(void);
/* Which one a text stands for: values are one digit. */
int8_t target_value(struct slice text);
int8_t target_token(struct slice text);

#endif
