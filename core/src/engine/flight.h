/* flight: one key that callers of this process wait for together.  At most one of them asks the store and loads.
 *
 *   REFRESHING -> OWNED: as below; or over, as another refreshes it
 *   ACQUIRING -> FRESH: delivered
 *             -> OWNED -> LOADING -> PUTTING -> delivered
 *                                 -> failed, the lease released
 *             -> BUSY: WAITING <-> CHECKING, until it is fresh (delivered) or its lease has ended (ACQUIRING)
 *
 * A flight leaves engine->flights when its outcome is known; those that may not take that outcome start anew.
 * flight.c has who waits and what they are given; lease.c the way of the lease; outdated.c loads of an
 * older version; past.c the way without a server. */
#ifndef RESILICACHE_ENGINE_FLIGHT_H
#define RESILICACHE_ENGINE_FLIGHT_H

#include "engine/engine.h"

enum flight_state {
    FLIGHT_REFRESHING, /* the value is fresh; the request is under way */
    FLIGHT_ACQUIRING, /* the request is under way */
    FLIGHT_OWNED,     /* lease won, load not made yet */
    FLIGHT_LOADING,
    FLIGHT_PUTTING,  /* the request is under way */
    FLIGHT_CHECKING, /* leased by another: a watch or a poll is under way */
    FLIGHT_WAITING,  /* leased by another: until a change or the timer */
    FLIGHT_OVER      /* delivered; kept while requests are under way */
};

struct flight {
    struct map_node node; /* in engine->flights until it is over */
    enum flight_state state;
    struct link_node waiting; /* slots */
    struct slot *initiator;   /* the slot that is to load; NULL once it left */
    bool counted;             /* in its op's `acquiring` */
    bool direct;              /* loads without a lease: disable_cache_read, or */
    bool past;                /* no server answers, or takes writes (past.c) */
    bool lost;                /* a renewal said so */
    bool renewing;
    bool changed;             /* while a check was under way */
    bool answered_absent;     /* what the load brought */
    uint32_t outdated;        /* loads that brought an older version than was known */
    struct blob *answer;
    struct link_node won;     /* in op->owned or op->behind while OWNED */
    struct load *load;        /* while LOADING */
    uint64_t asked;           /* sequence numbers: who joined before may take what the request, the load brings */
    uint64_t loaded;
    uint64_t acquired;        /* the last time that the script was asked, who has the server's clock */
    struct request request;
    struct request renewal;
    uint32_t under_way;       /* requests handed out and not back */
    struct timer timer;       /* while WAITING */
    int64_t pause_ms;         /* between polls */
    int64_t lease_end_ms;     /* of another's lease, by our clock */
    int64_t lease_seen_ms;    /* when we first saw this very lease */
    int64_t stale_until;      /* until then `stale` may be served without asking again; 0: it may not */
    struct blob *stale;
    bool stale_absent;
    char lease[LEASE_TEXT_MAX];
    char token[TOKEN_SIZE]; /* another one for each ACQUIRE */
    char key[];
};

/* The slot's value is not fresh: it is served stale, joins the key's flight, or begins one. */
void flight_seek(struct engine *engine, struct slot *slot, int64_t now_ms);
/* The slot waits no longer. */
void flight_leave(struct engine *engine, struct slot *slot);

void flight_reply(struct engine *engine, struct flight *flight, int64_t now_ms);
void flight_renewed(struct engine *engine, struct flight *flight);
void flight_timer(struct engine *engine, struct flight *flight, int64_t now_ms);
/* The key may have changed: look again. */
void flight_look(struct engine *engine, struct flight *flight);

/* What the load brought for this key. */
struct load_answer {
    struct blob *value; /* NULL: there is none; shared, not taken */
    int64_t ttl_ms;
    int64_t version; /* 0: unknown */
};
void flight_store(struct engine *engine, struct flight *flight, const struct load_answer *answer, int64_t now_ms);
/* Why a lease is given back: there was no load, or one in vain, for now or for good: then nothing stale stands in. */
enum release { RELEASE_UNUSED, RELEASE_FAILED, RELEASE_REFUSED };
void flight_load_failed(struct engine *engine, struct flight *flight, const char *message, enum release why,
                        int64_t now_ms);
/* The load was not begun and won't be: the lease is given back, who waits goes again. */
void flight_give_up(struct engine *engine, struct flight *flight, int64_t now_ms);
void flight_renew(struct engine *engine, struct flight *flight);

/* Between flight.c and lease.c: */

/* Who may take a result: those that joined before these points. */
struct delivery {
    int32_t outcome;
    struct blob *value; /* shared, not taken */
    uint64_t eventual_before;
    uint64_t strong_before;
};

/* Ends the flight.  Who may not take the result goes again. */
void flight_deliver(struct engine *engine, struct flight *flight, const struct delivery *delivery, int64_t now_ms);
/* Ends the flight with a failure for all that wait, but those that have something stale. */
void flight_fail(struct engine *engine, struct flight *flight, int32_t status, const char *what, int64_t now_ms);
/* Whether nothing can be stored: no server answers, or it refuses what is to be written. */
bool flight_lacks_server(const struct reply *reply);
/* That is so, as the reply says: who waits gets a load past the cache, or fails. */
void flight_lose_server(struct engine *engine, struct flight *flight, const struct reply *reply, int64_t now_ms);
/* Fails strong waiters alone; the flight goes on. */
void flight_fail_strong(struct engine *engine, struct flight *flight, int32_t status, const char *what);
/* The last load failed, and the next may begin in `left_ms`: ends the flight as flight_fail, but those that joined
 * after the store was asked go again. */
void flight_pause(struct engine *engine, struct flight *flight, int64_t left_ms, int64_t now_ms);
/* Whether something stale could stand in for what can't be had, and now does: the slot waits no longer. */
bool flight_cover(struct engine *engine, struct slot *slot, int64_t now_ms);
/* The slot waits no longer. */
void flight_fail_slot(struct engine *engine, struct slot *slot, int32_t status, const char *what);
/* The slot waits for the flight's load from now on: not for longer than the timeouts. */
void flight_time(struct engine *engine, const struct flight *flight, struct slot *slot, int64_t now_ms);
void flight_slot_timer(struct engine *engine, struct slot *slot, int64_t now_ms);
/* Someone waits who could be served a stale value, if the script said so. */
bool flight_owes_stale(const struct flight *flight);
/* Serves the stale value to eventual waiters; the flight goes on.  The initiator, too, unless it is to load inline;
 * it is no longer among the waiting then. */
void flight_serve_stale(struct engine *engine, struct flight *flight, struct blob *value, bool absent,
                        int64_t now_ms);
/* Where who asked for the lease has left, another that waits is to load. */
void flight_appoint(struct flight *flight);
/* Leased for us: the load goes to the initiator, or to another that waits, or the lease back. */
void flight_won(struct engine *engine, struct flight *flight, int64_t now_ms);
/* What was won is handed to its op, unless that still asks for other leases, which are to be in the same load. */
void flight_hand_over(struct engine *engine, struct flight *flight, int64_t now_ms);
void flight_refresh(struct engine *engine, struct flight *flight);
/* Its load will be handed over beside DONE; an op has one such load. */
bool flight_loads_behind(const struct slot *slot);
/* The slot has its own fresh value, and waits no longer. */
void flight_hit(struct engine *engine, struct slot *slot);
void flight_acquire(struct engine *engine, struct flight *flight, bool take_over);
void flight_release(struct engine *engine, struct flight *flight, enum release why);
/* What the load brought is older than what is known: it is done again, or made do with. */
void flight_outdated(struct engine *engine, struct flight *flight, int64_t now_ms);
/* At the end of the engine: frees it, whatever its state. */
void flight_discard(struct flight *flight);
/* Frees a flight that is over and has no request under way. */
void flight_settle(struct flight *flight);

#endif
