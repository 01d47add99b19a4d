/* random: a generator that is handed around, and the system's randomness to seed it with. */
#ifndef RESILICACHE_BASE_RANDOM_H
#define RESILICACHE_BASE_RANDOM_H

#include <stdint.h>

/* SplitMix64 (Steele, Lea, Flood 2014, "Fast Splittable Pseudorandom Number Generators"). */
struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random) {
    uint64_t x = random->state += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Uniform in [0, 1). */
static inline double random_fraction(struct random *random) {
    return (double)(random_next(random) >> 11) * 0x1.0p-53;
}

/* -ln of a number that is uniform in (0, 1]: exponential, of mean 1. */
double random_exponential(struct random *random);

uint64_t random_from_system(void);

#endif
