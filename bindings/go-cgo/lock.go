package resilicache

// #include "bridge.h"
import "C"

import (
	"context"
	"time"
)

// LockForUpdate keeps loads of the key from being stored until its owner unlocks it; [ErrLost] if another holds it.
func (c *Cache) LockForUpdate(ctx context.Context, key, owner string) error {
	_, err := c.LockForUpdateWith(ctx, key, owner, LockTerms{})
	return err
}

// LockTerms are those of a lock for update; zero is the default.
type LockTerms struct {
	Lease  time.Duration // how long the lock lives without being renewed; 0: the option lock_expire_max
	Wait   bool          // for another's lock to end, until the context does, instead of ErrLost
	Intent bool          // nobody is given the value that is to be replaced: eventual readers wait, too
}

// LockForUpdateWith is [Cache.LockForUpdate] on other terms.  It returns the lock's fence, more than that of any lock of
// this key before, for the database to refuse writers that have lost theirs: UPDATE ... WHERE fence < ?
func (c *Cache) LockForUpdateWith(ctx context.Context, key, owner string, terms LockTerms) (fence uint64, err error) {
	request := &request{verb: C.BRIDGE_LOCK, keys: []string{key}, extra: []byte(owner), ttl: terms.Lease}
	if terms.Wait {
		request.flags = C.RCACHE_WAIT
	}
	if terms.Intent {
		request.flags |= C.RCACHE_INTENT
	}
	call, err := c.pump.do(ctx, request)
	if err != nil {
		return 0, err
	}
	defer call.free()
	_, err = call.one()
	return uint64(C.rcache_result_fence(call.event.result, 0)), err
}

// RenewForUpdate makes the owner's lock live for that long from now; [ErrLost] if it had ended.
func (c *Cache) RenewForUpdate(ctx context.Context, key, owner string, lease time.Duration) error {
	return c.exec(ctx, &request{verb: C.BRIDGE_RENEW, keys: []string{key}, extra: []byte(owner), ttl: lease})
}

// UnlockForUpdate leaves the entry tagged as deleted; [ErrLost] if another holds the lock by now.
func (c *Cache) UnlockForUpdate(ctx context.Context, key, owner string) error {
	return c.exec(ctx, &request{verb: C.BRIDGE_UNLOCK, keys: []string{key}, extra: []byte(owner)})
}
