/* rule: a condition on which a rule of docs/protocol.md rests, under the name by which tests/simulation can switch it
 * off, in a build of its own, to see that it is missed.  Here nothing is left of it but the condition. */
#ifndef RESILICACHE_BASE_RULE_H
#define RESILICACHE_BASE_RULE_H

#ifdef RCACHE_MUTATION
#include "mutation.h"
#define RULE(name, applies) (mutation_off != MUTATION_##name && (applies))
#else
#define RULE(name, applies) (applies)
#endif

#endif
