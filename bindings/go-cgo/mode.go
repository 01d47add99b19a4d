package resilicache

// #include <resilicache.h>
import "C"

import "context"

type modeKey struct{}

// Strong makes fetches that are called with the context return nothing that was invalidated before they began, whatever
// the option StrongConsistency says.
func Strong(ctx context.Context) context.Context {
	return context.WithValue(ctx, modeKey{}, C.uint32_t(C.RCACHE_STRONG))
}

// Eventual lets fetches that are called with the context return an older value for a while, whatever the option
// StrongConsistency says.
func Eventual(ctx context.Context) context.Context {
	return context.WithValue(ctx, modeKey{}, C.uint32_t(C.RCACHE_EVENTUAL))
}

func modeOf(ctx context.Context) C.uint32_t {
	mode, _ := ctx.Value(modeKey{}).(C.uint32_t)
	return mode
}
