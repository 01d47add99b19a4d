package resilicache

// #include "bridge.h"
import "C"

import (
	"context"
	"errors"
	"time"
)

// Update locks the key, runs the transaction, and unlocks, which tags the key as deleted, also where the transaction
// fails or panics.  Another's lock is waited for, until ctx ends.
//
// The fence is more than that of any lock of this key before, for the database to refuse writers that have lost theirs:
// UPDATE ... SET fence = ? WHERE fence < ?  The lock is renewed until the option lock_expire_max has passed.  Where it is
// lost all the same, the transaction's context is cancelled, with [ErrLost] as its cause, and Update returns ErrLost.
//
// Update returns when the transaction has: on a goroutine of its own, it gets to know of ctx's end by its context.
func (c *Cache) Update(ctx context.Context, key string, transaction func(ctx context.Context, fence uint64) error) error {
	return c.UpdateWith(ctx, key, UpdateTerms{}, transaction)
}

// UpdateTerms are those of an update; zero is the default.
type UpdateTerms struct {
	Owner  string        // of the lock; "": one is made up
	Lease  time.Duration // how long the lock lives without being renewed; 0: the option lock_expire
	Intent bool          // no reader is given the old value while the transaction runs: they wait for its end
}

// UpdateWith is [Cache.Update] on other terms.
func (c *Cache) UpdateWith(ctx context.Context, key string, terms UpdateTerms,
	transaction func(ctx context.Context, fence uint64) error) error {
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	lost := &Error{Status: StatusLost, Message: "its lock has ended: another may be writing by now", Key: key}
	request := &request{verb: C.BRIDGE_UPDATE, keys: []string{key}, extra: []byte(terms.Owner), ttl: terms.Lease,
		produce: func(load *C.rcache_load) error {
			return transaction(within, uint64(C.rcache_load_fence(load)))
		},
		lost: func() { cancel(lost) }}
	if terms.Intent {
		request.flags = C.RCACHE_INTENT
	}
	err := c.exec(ctx, request)
	if err != nil && !errors.Is(err, ErrLost) && context.Cause(within) == error(lost) {
		return errors.Join(lost, err)
	}
	return err
}
