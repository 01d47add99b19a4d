/* update: one key that its caller has locked and changes the database for.  What it is given is a load: to be finished
 * when the transaction is over.  Meanwhile its timer renews the lock, and its end unlocks the key.
 *
 *   locking -> held -> unlocking -> settled
 *                 \-> lost: the caller is told, and the key is unlocked all the same
 *
 * The op's one request goes from verb to verb; a renewal that is under way is waited for. */
#ifndef RESILICACHE_ENGINE_UPDATE_H
#define RESILICACHE_ENGINE_UPDATE_H

#include "engine/load.h"

/* Its lock is granted. */
void update_begin(struct engine *engine, struct op *op, int64_t now_ms);
/* A renewal or the unlocking has been answered, or a lock that nobody waits for any more, which is given back. */
void update_reply(struct engine *engine, struct op *op, int64_t now_ms);
void update_timer(struct engine *engine, struct load *load, int64_t now_ms);
/* Its caller runs the transaction, for as long as that takes. */
void update_taken(struct engine *engine, struct op *op);
/* The transaction is over, or will never begin. */
void update_finish(struct engine *engine, struct load *load, int64_t now_ms);

#endif
