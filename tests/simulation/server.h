/* server: the store that all processes share.  What a verb does is the memory backend's doing, to which the scripts are
 * held by tests/differential; what is added here is what only a server has: a clock of its own, an epoch, a history
 * that may lose its last writes, connections that watch keys.
 *
 * Beside each entry lies a record of what has become of it, kept without a look at the entry: it tells what must not
 * happen. */
#ifndef RESILICACHE_TESTS_SERVER_H
#define RESILICACHE_TESTS_SERVER_H

#include "backend/memory/store.h"
#include "cluster.h"
#include "event.h"
#include "plan.h"

enum { OWNER_SIZE_MAX = 80, CHANGES_MAX = 24 };

struct message;

/* One server process; where there is no cluster, the only one. */
struct member {
    uint64_t epoch;     /* of this process and its history */
    uint32_t life;      /* counts processes */
    bool up;
    bool demoted;       /* another has taken its slots over, and it lives on: connections to it stand */
    int64_t stalled_us; /* until then it does nothing */
    uint32_t scripts;   /* that it knows, as bits, by verb */
    struct event back;  /* when it is up again */
};

struct holder {
    size_t size; /* 0: nobody */
    char owner[OWNER_SIZE_MAX];
    bool lock;
    bool refresh;      /* the value is fresh all the same */
    bool unwanted;     /* a lock whose op had been given up before it was granted */
    uint32_t number;   /* of the lock, among all */
    int64_t until_ms;  /* by the server's clock */
    int64_t since_us;  /* granted or renewed */
};

struct record {
    uint64_t epoch;  /* of the value; 0: it was stored by who tells none */
    uint32_t source; /* of the value; 0: there is none, or it stands for "absent" */
    bool valued;
    bool marked;     /* something has invalidated the value, */
    int64_t marked_us; /* then, */
    int64_t marked_ms; /* by the server's clock */
    int64_t served_until_ms; /* no longer than it was to live; its key may, for what is kept in mind */
    int64_t stored_us;      /* when the value came */
    int64_t fresh_until_ms; /* by the server's clock; INT64_MAX: as long as the entry lives */
    int64_t settled_us; /* since then value and holder are what they are */
    int64_t fence;   /* of the last lock */
    uint32_t intent; /* the last lock that has taken the value away, by its number; 0: none, or raw_set went past it */
    uint64_t voided; /* the step before which no load may have begun whose value is stored from now on */
    struct holder holder;
    int64_t paused_until_ms; /* by the server's clock; 0: it isn't */
    int64_t version; /* the newest that it has been told of */
    int64_t settle_until_ms; /* until then loads may read what was before the last invalidation */
    int64_t unrefreshed_until_ms; /* the same, of a value that is fresh */
    int64_t paused_ms;       /* how long the last pause was */
};

/* An entry as it was. */
struct saved {
    bool there;
    struct blob *value;
    struct blob *owner;
    int64_t expires_ms, lease_until_ms, fresh_until_ms, refresh_until_ms, load_ms, serve_until_ms;
    int64_t version, settle_until_ms;
    enum lease lease;
    uint32_t failures;
    bool absent;
    struct record record;
};

/* A change of an entry. */
struct change {
    uint32_t key;   /* KEYS_MAX: it is none any more */
    uint32_t place; /* the member */
    int64_t made_us;
    struct saved before;
};

struct server {
    struct store store;
    struct store view;      /* the replica's, of one key at a time */
    _Atomic uint64_t bytes;
    struct record records[KEYS_MAX];
    struct member members[MEMBERS_MAX];
    uint32_t places[KEYS_MAX]; /* the member that has the key, or would */
    struct cluster cluster;
    int64_t offset_ms;      /* of its clock */
    int64_t set_ms;         /* by how much it was set, in all */
    uint32_t locks;         /* granted */
    uint32_t replacements;  /* after which acknowledged writes may be gone */
    struct event sweep;
    struct change changes[CHANGES_MAX]; /* the last of them, a ring */
    uint32_t changed;       /* in all */
    uint32_t replicated;    /* of all */
    int64_t behind_us;      /* until then no more of them are */
    struct event replication;
    uint32_t kept;          /* of the last, how many can be taken back */
};

bool server_init(struct world *world);
void server_clear(struct world *world);
int64_t server_now_ms(const struct world *world);
void server_set_clock(struct world *world, int64_t by_ms);
/* What the member says instead of carrying the command out; false: it does it. */
bool server_refuses(struct world *world, uint32_t member, const struct message *message, char refusal[REFUSAL_MAX]);
/* Carries the command out and fills in message->request.reply. */
void server_execute(struct world *world, uint32_t member, struct message *message);
/* On a new connection. */
void server_takes_scripts(struct world *world, uint32_t member);
/* Of whoever has the key. */
uint64_t server_epoch(const struct world *world, uint32_t key);
/* Whether its value was stored by the history that the message's sender knows. */
bool server_knows_epoch(const struct message *message, const struct record *record);
void server_evict(struct world *world, uint32_t key);
/* Another process answers as the member, after a while: without its last `lost` writes, or empty. */
void server_replace(struct world *world, uint32_t member, uint32_t lost, bool empty, int64_t after_us);
/* The member's process is gone, or its connections are; another one is there after a while. */
void server_stop(struct world *world, uint32_t member, int64_t after_us);
/* Its last `lost` writes have never been; who has what is left of them knows of none. */
void server_take_back(struct world *world, uint32_t member, uint32_t lost);
/* The key's entry goes to another member. */
void server_move_key(struct world *world, uint32_t key, uint32_t member);
bool server_has_entry(struct world *world, uint32_t key);
/* The entry as it is now, and into a store that has none of the key. */
void saved_take(struct saved *saved, struct server *server, uint32_t key);
void saved_put(const struct saved *saved, struct store *store, uint32_t key);
void saved_clear(struct saved *saved);
/* The lock for update of the key that lives now; 0: none. */
uint32_t server_lock_number(struct world *world, uint32_t key);

#endif
