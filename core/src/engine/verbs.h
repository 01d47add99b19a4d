/* verbs: what a backend must be able to do to one key, and what it answers.  The contract between the engine, which
 * decides which verb comes next, and the backends, which carry it out; docs/protocol.md tells the same in prose.
 *
 * An entry has a value or none, and one of these states:
 *   fresh        no lease: the value may be returned by anyone
 *   lapsed       as fresh, but its time is over: kept for those who may serve it after that
 *   invalidated  the lease is void; a value beside it is stale
 *   leased       an owner may put until the lease ends; a value beside it is stale
 *   locked       as leased, by a writer (lockUntil 1e10); ends with the key's time to live
 *   backed off   a lease without an owner, left by a failed load: until it ends only strong readers take it
 *
 * Each verb may be carried out twice without harm. */
#ifndef RESILICACHE_ENGINE_VERBS_H
#define RESILICACHE_ENGINE_VERBS_H

#include "base/blob.h"
#include "base/list.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum verb {
    /* timed.  FRESH, UNFRESH (a value, but lapsed, invalidated, leased, locked or of another epoch) or MISS.  Changes
     * nothing. */
    VERB_PEEK,
    /* As PEEK; a later change of the key is reported to the engine, once.  Only where backend_can_watch. */
    VERB_WATCH,
    /* owner, life_ms (the lease), bound_ms (how long a value may be served after its invalidation), window_ms (how long
     * after its time), strong, seen.
     * FRESH value | OWNED [stale value, stale_ms] | BUSY [stale value, stale_ms], remaining_ms, lease.
     * Fresh entries stay fresh.  An ended, void or missing lease, or one whose text still is `seen`, goes to owner;
     * asked again by its owner: OWNED again.  A value first found unfresh more than bound_ms ago is removed; but one
     * that has merely lapsed is not counted as invalidated, and stays.
     * `owner` is never used for two requests.  Where one is sent again (attempts), the token tells that, too: a first
     * sending that arrives late must not give the lease back to an owner who has lost it since.
     * The key gets a time to live that outlives the lease; one that is already longer stays. */
    VERB_ACQUIRE,
    /* owner, life_ms, strong.  OWNED: the value stays fresh, and owner may put; for life_ms no other is to refresh it.
     * BUSY: another does, or its load has failed lately.  LOST: there is no fresh value, for this asker. */
    VERB_REFRESH,
    /* owner, grant, value, absent, life_ms, fresh_ms, load_ms, version.  STORED, fresh from now; LOST when owner lost
     * the lease, or a server of another epoch granted it: that one may have acknowledged an invalidation since, and
     * this one not know; OUTDATED when version is older than the newest that is known.  life_ms 0: the key is removed
     * instead (an absent result that is not to be kept); still needs the owner. */
    VERB_PUT,
    /* owner, grant, life_ms.  OWNED, the lease, lock or refresh lives life_ms from now; LOST, as by PUT. */
    VERB_RENEW,
    /* owner, pause_ms, pause_max_ms, drops.  The load failed: invalidated, or lapsed as before; value and time to live
     * kept.  With pause_ms, backed off for as long, or twice as long as the last time, up to pause_max_ms; a put ends
     * the count, and so does nobody's asking for as long again.  DONE; LOST and unchanged for others. */
    VERB_RELEASE,
    /* bound_ms, version.  Invalidated; at most bound_ms left to live, counted from the first invalidation.  DONE; MISS
     * where there is no key: none is made, unless it has to keep the version in mind for bound_ms.  A writer's lock
     * stays; its value counts as invalidated from now. */
    VERB_INVALIDATE,
    /* owner, life_ms, intent.  OWNED, fence: locked by owner, the key lives life_ms from now.  Takes over any lease,
     * not another lock: BUSY, remaining_ms.  With an intent the value is removed: it is about to be replaced. */
    VERB_LOCK,
    /* owner, bound_ms.  Invalidated as by INVALIDATE, whoever held it: DONE, held; but LOST and unchanged where another
     * owner has it locked. */
    VERB_UNLOCK,
    /* value, absent, life_ms, fresh_ms, version.  DONE: fresh from now, whatever was there; every lease and lock is
     * void.  OUTDATED, and nothing done, when version is older than the newest that is known. */
    VERB_SET,
    /* value, life_ms.  DONE: the value alone is replaced; leases and locks stay. */
    VERB_RAW_SET,
    /* FRESH value (whatever its state) or MISS. */
    VERB_GET,
    /* DONE, or MISS. */
    VERB_DELETE,
    /* FRESH: value is a text of "name value" lines for people; or MISS. */
    VERB_INSPECT,
    /* The runtime's own, of no key: FRESH, value is the map of where keys are (backend/redis/where.h).  owner: of the
     * master of that name, asked of a Sentinel; empty: of a cluster. */
    VERB_WHERE,
    /* Likewise: DONE.  Whether the server answers. */
    VERB_PING
};

/* Whether the verb may change an entry. */
static inline bool verb_changes(enum verb verb) {
    return verb != VERB_PEEK && verb != VERB_WATCH && verb != VERB_GET && verb != VERB_INSPECT &&
           verb != VERB_WHERE && verb != VERB_PING;
}

enum verdict {
    VERDICT_NONE = 0, /* status says why */
    VERDICT_FRESH,
    VERDICT_UNFRESH,
    VERDICT_MISS,
    VERDICT_OWNED,
    VERDICT_BUSY,
    VERDICT_STORED,
    VERDICT_LOST,
    VERDICT_OUTDATED,
    VERDICT_DONE
};

enum { LEASE_TEXT_MAX = 32, TOKEN_SIZE = 32 };

/* How a lease was won: who stores under it has to say so. */
struct grant {
    uint64_t epoch;   /* of the server that granted it; 0: it tells none */
    uint32_t attempt; /* how often it had been asked for by then: each has a token of its own */
};

struct reply {
    int32_t status; /* RCACHE_OK or RCACHE_E_...; the rest holds only for OK */
    enum verdict verdict;
    bool absent;          /* FRESH, UNFRESH, stale: the value stands for "there is none" */
    bool epoch_unknown;   /* FRESH: stored by a client that tells no epoch; strong readers don't take it */
    bool held;            /* DONE by UNLOCK: the owner still had it */
    bool lapsed;          /* UNFRESH, OWNED, BUSY: nothing has invalidated the value, only its own time bounds it */
    bool tells_end;       /* FRESH, UNFRESH by PEEK: there is fresh_ms */
    bool refreshing;      /* FRESH by PEEK, where the clock was asked for: somebody refreshes it, or failed to lately */
    bool backed_off;      /* BUSY: nobody loads it; remaining_ms is the rest of the pause */
    bool refused;         /* with a failed status: the server has no room for it, or no replica, and serves reads */
    struct blob *value;   /* one owner: the request.  NULL: none */
    struct blob *message; /* with a failed status: why, in words; may be NULL */
    struct grant grant;   /* OWNED by ACQUIRE */
    int64_t fence;        /* OWNED by LOCK: more than any that was granted while the entry lives, or the clock's us */
    int64_t remaining_ms; /* BUSY: until the lease ends; -1 unknown */
    int64_t stale_ms;  /* OWNED, BUSY with a value: how long it may still be served; -1: as long as the entry lives */
    int64_t fresh_ms;  /* how long the value is fresh from now; less than 0: since when it isn't any more */
    int64_t server_ms; /* the server's clock; 0: it did not say */
    int64_t load_ms;   /* FRESH by PEEK: how long it took to load; 0: not told */
    char lease[LEASE_TEXT_MAX]; /* BUSY, UNFRESH, MISS: the lease as it is written ("": none), to be `seen` */
};

struct request {
    enum verb verb;
    bool strong; /* ACQUIRE: entries without an epoch and back-offs don't count; PEEK: not of a replica */
    bool absent; /* PUT, SET: value stands for "there is none" */
    bool timed;  /* PEEK, WATCH: entries are likely to tell when their time is over; else they are asked twice then */
    bool drops;  /* RELEASE: the value goes, too */
    bool intent; /* LOCK: the value goes */
    struct slice key;
    struct slice owner; /* at most OWNER_MAX bytes */
    struct slice seen;  /* ACQUIRE: take this very lease over, though it has not ended; empty: none */
    struct grant grant; /* PUT, RENEW, RELEASE: of the lease; all zero for a lock */
    struct blob *value; /* PUT, SET, RAW_SET; an owner of its own */
    int64_t life_ms;
    int64_t fresh_ms; /* PUT, SET: how long of life_ms it is fresh; 0: all of it, and it doesn't tell */
    int64_t bound_ms;
    int64_t window_ms;
    int64_t settle_ms; /* INVALIDATE, UNLOCK, PUT; 0: none */
    int64_t version;  /* PUT, SET, INVALIDATE: of the row; 0: unknown */
    int64_t load_ms;  /* PUT: how long it took to load; 0: it doesn't tell */
    int64_t pause_ms; /* RELEASE; 0: none */
    int64_t pause_max_ms;
    uint32_t replicas; /* INVALIDATE, UNLOCK: how many are to have it before the answer */
    int64_t replicas_ms;
    struct reply reply;
    /* Below: the driver's, from the moment that the engine hands it over until it comes back. */
    struct link_node node;
    int64_t sent_ms;
    uint32_t route; /* requests of one route go out in order, as long as no connection is lost */
    uint32_t replies; /* how many have come */
    uint32_t replies_due;
    uint32_t attempts;  /* how often it has been sent, each time by another connection or after a refusal */
    bool waits_again;   /* its own reply asked for another form, that of WAIT is still due */
    _Atomic bool seals; /* WAIT stands behind it, for all since the last */
    bool primary_only;  /* a replica has failed it */
    bool directed;      /* it goes to `server`, whatever the map says */
    bool asking;        /* and says that it knows that the slot is on its way there */
    bool shared;        /* PEEK: its answer may be another's, too, */
    struct link_node followers; /* who waits for it */
    uint32_t form;      /* the backend's: which way of asking it tried last */
    uint32_t server;    /* that it went to last, by its number */
    uint32_t detours;   /* how often it was sent elsewhere */
    enum heard {
        HEARD_ANSWER,  /* be it an error */
        HEARD_NOTHING, /* the server was asked in vain */
        HEARD_UNASKED, /* it was not asked, being down as far as is known */
        HEARD_BARRED   /* it was not asked: what it says of the key doesn't count */
    } heard;
    int64_t since_ms;       /* first sent; 0: not yet */
    uint64_t primary_epoch; /* at a replica: what entries are to be of; 0: it goes to the primary */
    /* The engine's: whom the reply is for. */
    enum request_for { FOR_SLOT, FOR_FLIGHT, FOR_RENEWAL, FOR_TOPOLOGY, FOR_PROBE, FOR_REPAIR, FOR_JOURNAL } reply_for;
    void *target;
};

enum { OWNER_MAX = 255 };

/* Frees what the reply owns; it may be filled again. */
void reply_clear(struct reply *reply);
/* Frees what request and reply own; the request may be filled and used again. */
void request_clear(struct request *request);
/* The same, of one that is used no more. */
void request_drop(struct request *request);

#endif
