/* state: everything that the model knows at one moment.  One key; a database; a server and its replica; processes, in
 * each of which callers may wait together (the flight); writers.
 *
 * Values are versions of the row: 0 at first, one more with each commit.  Bytes without padding, so that states can be
 * compared and hashed as they lie there. */
#ifndef RESILICACHE_TESTS_MODEL_STATE_H
#define RESILICACHE_TESTS_MODEL_STATE_H

#include "model/cell.h"

enum { READERS_MAX = 4, WRITERS_MAX = 3, PROCESSES_MAX = 3, NODES = 2, LATE_MAX = 2, LATE_TOKENS = 4 };

/* Tokens.  One that nobody can use any more is OLD, whosever it was. */
enum {
    TOKEN_FLIGHT = 1,                             /* and the process' number */
    TOKEN_WRITER = TOKEN_FLIGHT + PROCESSES_MAX,  /* and the writer's */
    TOKEN_LATE = TOKEN_WRITER + WRITERS_MAX,      /* one that only a request still under way, or sent before, has */
    TOKEN_OLD = TOKEN_LATE + LATE_TOKENS
};

enum reader_phase {
    READER_IDLE,
    READER_LOOKING, /* its peek is under way */
    READER_SAW,     /* nothing fresh; it does not know yet what its process does about the key */
    READER_JOINED,  /* it waits in the flight of its process */
    READER_DONE
};

struct reader {
    int8_t phase;
    int8_t process;
    bool strong;
    int8_t need;       /* no older value will do, if it was loaded or fresh */
    int8_t need_stale; /* nor an older one than this, if it is stale */
    int8_t saw;        /* the value that its peek found unfresh */
    bool asked;        /* it joined before the flight's request was sent */
    bool before_load;  /* it joined before the load began */
};

enum flight_phase {
    NO_FLIGHT,
    FLIGHT_ASKS,     /* its acquire is under way to the server */
    FLIGHT_ANSWERED, /* the answer is under way back */
    FLIGHT_OWNS,
    FLIGHT_HAS,      /* it has read the database */
    FLIGHT_PUTS,     /* its put is under way to the server */
    FLIGHT_TOLD,     /* the answer is under way back */
    FLIGHT_WAITS     /* another has the lease */
};

struct flight_state {
    int8_t phase;
    int8_t verdict;
    int8_t given;    /* by the answer to acquire: the fresh, or a stale value */
    int8_t loaded;
    int8_t history;  /* that granted the lease */
    int8_t previous; /* the token of its acquire when it was sent before */
    bool stale_ok;   /* `given` is stale and may be served to who joins */
};

enum writer_phase {
    WRITER_IDLE,
    WRITER_LOCKS,
    WRITER_COMMITS,
    WRITER_INVALIDATES,
    WRITER_DONE,
    WRITER_LOST, /* another writer had it locked: that one's unlock will invalidate */
    WRITER_DEAD  /* after its commit */
};

struct writer {
    int8_t phase;
    bool locks;
    int8_t version;
};

/* A request that arrives after it was given up, or a second time. */
struct late {
    int8_t verb; /* VERB_PEEK: none */
    int8_t owner;
    int8_t value;
    int8_t node;
};

/* How often something may still go wrong. */
struct budget {
    int8_t pauses;
    int8_t evictions;
    int8_t failures;
    int8_t crashes;
    int8_t deaths;
    int8_t delays;
    int8_t repeats;
};

struct state {
    int8_t database;
    int8_t replica;      /* of the database: what a lagging loader may read */
    int8_t primary;
    bool old_answers;    /* node 0 is alive */
    int8_t acknowledged; /* the newest version whose writer was told that it is invalidated */
    int8_t returned;     /* the newest that a strong reader got */
    int8_t due;          /* no older value may be served stale to who begins now */
    struct budget budget;
    struct cell nodes[NODES];
    struct flight_state flights[PROCESSES_MAX];
    struct writer writers[WRITERS_MAX];
    struct late late[LATE_MAX];
    struct reader readers[READERS_MAX];
};

static inline int8_t flight_token(int process) {
    return (int8_t)(TOKEN_FLIGHT + process);
}

static inline int8_t writer_token(int writer) {
    return (int8_t)(TOKEN_WRITER + writer);
}

void state_init(struct state *state, int readers);
/* A token that nothing has. */
int8_t state_new_token(const struct state *state);
/* Its owner will not use it again, but what is under way may. */
void state_retire_token(struct state *state, int8_t token);
/* A request under way was carried out, or a flight has its answer: tokens that nobody can use any more become OLD. */
void state_forget_tokens(struct state *state);
/* Readers are alike, and processes are: of all states that differ by their names alone, one. */
void state_normalize(struct state *state, int processes);

#endif
