/* breach: what can be wrong. */
#ifndef RESILICACHE_TESTS_MODEL_BREACH_H
#define RESILICACHE_TESTS_MODEL_BREACH_H

enum breach {
    NO_BREACH,
    TOO_OLD,   /* a reader gets less than was acknowledged, or (strong) returned to a strong reader, before it began */
    TOO_STALE, /* a reader gets something stale after its time */
    BESIDE,    /* a load begins beside one under way, or on a locked key, though nothing happened that excuses it */
    LEFT_OLD,  /* nothing is under way any more, and an old value counts as fresh */
    STUCK,     /* some call can't come to its end any more, whatever happens next */
    BREACHES
};

/* One word for tables, and a sentence. */
const char *breach_name(enum breach breach);
const char *breach_text(enum breach breach);

#endif
