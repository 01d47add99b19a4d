/* credentials: user and password for the next connection: what the program gave last, else the options' file,
 * environment variable and text, else the URL's.  Looked up anew for each connection, so that they can rotate. */
#ifndef RESILICACHE_RUNTIME_CREDENTIALS_H
#define RESILICACHE_RUNTIME_CREDENTIALS_H

#include "runtime/settings.h"

#include <pthread.h>

struct credentials {
    pthread_mutex_t lock;
    char *user; /* what the program gave; NULL: nothing */
    char *password;
};

/* For one connection; it owns its texts. */
struct identity {
    char *user;     /* NULL: the server's default */
    char *password; /* NULL: none is sent */
};

enum { CREDENTIAL_SIZE_MAX = 64 * 1024 };

void credentials_init(struct credentials *credentials);
void credentials_clear(struct credentials *credentials);
/* NULL: no longer the program's to say. */
int32_t credentials_give(struct credentials *credentials, const char *user, const char *password, rcache_error *err);
/* On failure *identity is empty, and *err says which option is to blame. */
int32_t credentials_take(struct credentials *credentials, const struct settings *settings, struct identity *identity,
                         rcache_error *err);
void identity_clear(struct identity *identity);

#endif
