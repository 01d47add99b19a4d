package resilicache

// #include "bridge.h"
import "C"

import (
	"context"
	"time"
)

type versionKey struct{}

// WithVersion says which version of the row, by the database, is stored by [Cache.Set] or made known by
// [Cache.TagAsDeletedSingle] and its like, when they are called with the context.  It is from 1 to math.MaxInt64 and
// grows with each change.  What is older than what is known is not stored any more: Set fails with [ErrOutdated].
func WithVersion(ctx context.Context, version uint64) context.Context {
	return context.WithValue(ctx, versionKey{}, version)
}

func versionOf(ctx context.Context) C.uint64_t {
	version, _ := ctx.Value(versionKey{}).(uint64)
	return C.uint64_t(version)
}

// FetchVersioned is [Cache.FetchSingle] with a load that tells which version of the row its value is.  One that is older
// than what is known, as from a lagging replica of the database, is not stored: the load is called again, at most twice,
// and told to read the primary.  Where that brings nothing newer either, it is [ErrOutdated] in the mode [Strong], else
// the value is returned all the same.
func (c *Cache) FetchVersioned(ctx context.Context, key string, ttl time.Duration,
	load func(primary bool) ([]byte, uint64, error)) ([]byte, error) {
	return c.one(ctx, &request{verb: C.BRIDGE_FETCH, keys: []string{key}, ttl: ttl, produce: produceVersioned(load)})
}
