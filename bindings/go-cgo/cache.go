package resilicache

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// A Cache is for all goroutines of a program.  Close it when done.
type Cache struct {
	pump *pump
}

// NewCache opens memory:// or redis://user:password@host:port/db and the like.  It connects when first used.
func NewCache(url string, options Options) (*Cache, error) {
	handle, err := options.handle()
	if err != nil {
		return nil, err
	}
	defer C.rcache_options_free(handle)
	text := C.CString(url)
	defer C.free(unsafe.Pointer(text))
	var cache *C.rcache
	var failure C.rcache_error
	if C.rcache_open(text, handle, &cache, &failure) != C.RCACHE_OK {
		return nil, errorOf(&failure)
	}
	pump, err := newPump(cache, strings.HasPrefix(url, "memory:"), options.RefreshFailed)
	if err != nil {
		C.rcache_close(cache)
		return nil, err
	}
	return &Cache{pump}, nil
}

// Close ends all calls with [ErrClosed].  Loaders that run are not waited for.
func (c *Cache) Close() error {
	c.pump.close()
	return nil
}

// Set stores a value that is known to be the newest.
func (c *Cache) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return c.exec(ctx, &request{verb: C.BRIDGE_SET, keys: []string{key}, extra: value, ttl: ttl})
}

// Get is nil, nil where there is nothing.  It never loads.
func (c *Cache) Get(ctx context.Context, key string) ([]byte, error) {
	return c.one(ctx, &request{verb: C.BRIDGE_GET, keys: []string{key}})
}

// Delete removes entries at once; to tell of a change of the database, use [Cache.TagAsDeletedSingle].
func (c *Cache) Delete(ctx context.Context, keys ...string) error {
	return c.exec(ctx, &request{verb: C.BRIDGE_DELETE, keys: keys})
}

// FetchSingle is the cached value, or else what load returns, which is cached.  A nil value says that there is none,
// which is cached, too, and returned as nil, nil.
//
// However many ask at once, one load runs.  It runs on a goroutine of its own, goes on when the context of its caller
// ends, and may run after FetchSingle has returned an older value.
func (c *Cache) FetchSingle(ctx context.Context, key string, ttl time.Duration,
	load func() ([]byte, error)) ([]byte, error) {
	return c.one(ctx, &request{verb: C.BRIDGE_FETCH, keys: []string{key}, ttl: ttl, produce: produceOne(load)})
}

// FetchBatch is [Cache.FetchSingle] for many keys: load is asked for the values of the keys at idxs, and leaves out
// what doesn't exist, as does the result.  Where some keys failed, the others are returned beside the error.
func (c *Cache) FetchBatch(ctx context.Context, keys []string, ttl time.Duration,
	load func(idxs []int) (map[int][]byte, error)) (map[int][]byte, error) {
	return c.all(ctx, &request{verb: C.BRIDGE_FETCH, keys: keys, ttl: ttl, produce: produceMany(load)})
}

// TagAsDeletedSingle says that the database has changed: call it after the commit.  Until a newer value is loaded, the
// old one may be served for the option Delay, in eventual mode.
func (c *Cache) TagAsDeletedSingle(ctx context.Context, key string) error {
	return c.TagAsDeletedBatch(ctx, []string{key})
}

// TagAsDeletedBatch is [Cache.TagAsDeletedSingle] for many keys.
func (c *Cache) TagAsDeletedBatch(ctx context.Context, keys []string) error {
	return c.exec(ctx, &request{verb: C.BRIDGE_INVALIDATE, keys: keys})
}

// RawGet is the value alone, whatever its state.
func (c *Cache) RawGet(ctx context.Context, key string) ([]byte, error) {
	return c.one(ctx, &request{verb: C.BRIDGE_GET, flags: C.RCACHE_RAW, keys: []string{key}})
}

// RawSet stores the value alone; leases and locks stay as they are.
func (c *Cache) RawSet(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return c.exec(ctx, &request{verb: C.BRIDGE_SET, flags: C.RCACHE_RAW, keys: []string{key}, extra: value, ttl: ttl})
}

// Inspect is the entry as it lies in the store, for people: its state, size, ttl_ms, owner and so on by name; nil, nil
// where there is none.
func (c *Cache) Inspect(ctx context.Context, key string) (map[string]string, error) {
	text, err := c.one(ctx, &request{verb: C.BRIDGE_INSPECT, keys: []string{key}})
	if text == nil || err != nil {
		return nil, err
	}
	return linesOf(string(text)), nil
}

func linesOf(text string) map[string]string {
	lines := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		lines[name] = value
	}
	return lines
}

// Credentials are for the connections that are opened from now on, over those of the URL and the options; connections
// that stand are kept, so call it before the old ones end.  An empty user is the server's default one.
func (c *Cache) Credentials(user, password string) error {
	return c.tell(user, password, func(user, password *C.char, failure *C.rcache_error) C.int32_t {
		return C.rcache_credentials(c.pump.cache, user, password, failure)
	})
}

// SetOption sets disable_cache_read or disable_cache_delete, "yes" or "no", while the cache is in use: reads are disabled
// before deletes, and enabled after them.
func (c *Cache) SetOption(name, value string) error {
	return c.tell(name, value, func(name, value *C.char, failure *C.rcache_error) C.int32_t {
		return C.rcache_set_option(c.pump.cache, name, value, failure)
	})
}

// tell is for what C is told in two texts.
func (c *Cache) tell(first, second string, tell func(first, second *C.char, failure *C.rcache_error) C.int32_t) error {
	if !c.pump.calls.enter(1) {
		return ErrClosed
	}
	defer c.pump.leave(1)
	firstText, secondText := C.CString(first), C.CString(second)
	defer C.free(unsafe.Pointer(firstText))
	defer C.free(unsafe.Pointer(secondText))
	var failure C.rcache_error
	if tell(firstText, secondText, &failure) != C.RCACHE_OK {
		return errorOf(&failure)
	}
	return nil
}

// Stats are the cache's counters by name; none after Close.
func (c *Cache) Stats() map[string]uint64 {
	stats := map[string]uint64{}
	if !c.pump.calls.enter(1) {
		return stats
	}
	defer c.pump.leave(1)
	for name, value := range linesOf(c.statsText()) {
		if count, err := strconv.ParseUint(value, 10, 64); err == nil {
			stats[name] = count
		}
	}
	return stats
}

// statsText asks again if there was more between being asked for the size and for the text.
func (c *Cache) statsText() string {
	for capacity := C.size_t(1024); ; {
		text := (*C.char)(C.malloc(capacity))
		size := C.rcache_stats(c.pump.cache, text, capacity)
		lines := C.GoStringN(text, C.int(min(size, capacity-1)))
		C.free(unsafe.Pointer(text))
		if size < capacity {
			return lines
		}
		capacity = size + 1
	}
}

func (c *Cache) one(ctx context.Context, request *request) ([]byte, error) {
	call, err := c.pump.do(ctx, request)
	if err != nil {
		return nil, err
	}
	defer call.free()
	return call.one()
}

func (c *Cache) all(ctx context.Context, request *request) (map[int][]byte, error) {
	call, err := c.pump.do(ctx, request)
	if err != nil {
		return nil, err
	}
	defer call.free()
	return call.all()
}

func (c *Cache) exec(ctx context.Context, request *request) error {
	if len(request.keys) == 1 {
		_, err := c.one(ctx, request)
		return err
	}
	_, err := c.all(ctx, request)
	return err
}
