/* database: the truth.  A row a key; each commit gives it the next version, and some versions say that there is no
 * such row. */
#ifndef RESILICACHE_TESTS_DATABASE_H
#define RESILICACHE_TESTS_DATABASE_H

#include "base/slice.h"
#include "event.h"
#include "plan.h"

enum { VERSIONS_MAX = 512 };

struct row {
    uint32_t newest;
    bool absent[VERSIONS_MAX];
    int64_t committed_us[VERSIONS_MAX];
    bool taken; /* where writers take turns */
    int64_t fence; /* of the last writer that had one */
};

struct database {
    struct row rows[KEYS_MAX];
};

/* "k0", "k1", ... */
enum { KEY_SIZE = 4 };

struct slice key_slice(uint32_t key);
uint32_t key_number(struct slice name);

void database_init(struct database *database);
/* Whether writers with this fence may still write: UPDATE ... WHERE fence < ? */
bool database_takes(const struct database *database, uint32_t key, int64_t fence);
/* The new version; 0: no more are kept. */
uint32_t database_commit(struct world *world, uint32_t key);
/* What a snapshot that is opened now reads: the newest, or, where loaders read a replica, one a while before. */
uint32_t database_read(struct world *world, uint32_t key, bool primary);
/* Whether some version from `least` on, that exists by now, says that there is no such row. */
bool database_was_absent(const struct database *database, uint32_t key, uint32_t least);
/* The oldest such version. */
uint32_t database_first_absent(const struct database *database, uint32_t key, uint32_t least);

#endif
