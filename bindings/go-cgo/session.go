package resilicache

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"unsafe"
)

// SessionToken is what this cache has written lately, for one elsewhere to join: letters, digits and '-'.  It needs the
// option session_consistency, with which a fetch sees what its own cache has written before.
func (c *Cache) SessionToken() (string, error) {
	if !c.pump.calls.enter(1) {
		return "", ErrClosed
	}
	defer c.pump.leave(1)
	token := (*C.char)(C.malloc(C.RCACHE_SESSION_SIZE))
	defer C.free(unsafe.Pointer(token))
	var failure C.rcache_error
	if C.rcache_session_token(c.pump.cache, token, &failure) != C.RCACHE_OK {
		return "", errorOf(&failure)
	}
	return C.GoString(token), nil
}

type sessionKey struct{}

// WithSession has fetches that are called with the context see what the cache that the token is of had written, and these
// alone.  The option session_consistency is needed where the token comes from, not here.
func WithSession(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, sessionKey{}, token)
}

// sessionOf is the token with its NUL, or nil.
func sessionOf(ctx context.Context) []byte {
	token, there := ctx.Value(sessionKey{}).(string)
	if !there {
		return nil
	}
	return append([]byte(token), 0)
}

// JoinSession has fetches see, from now on, what the cache that the token is of had written.
func (c *Cache) JoinSession(token string) error {
	return c.tell(token, "", func(token, _ *C.char, failure *C.rcache_error) C.int32_t {
		return C.rcache_session_join(c.pump.cache, token, failure)
	})
}
