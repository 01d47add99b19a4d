package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/resilicache/resilicache/bindings/go-cgo"
)

const patience = 30 * time.Second

// A slow machine is no reason for a failure: what bounds nothing in a case is generous.
var generous = map[string]string{"op_timeout": "10s", "connect_timeout": "10s", "deadline": "30s"}

// A mistake is in how a case is written, an unexpected is in what came.  Steps panic with them, and play recovers.
type mistake string

type unexpected string

// A stage is where one case is played, line by line.
type stage struct {
	url, prefix string
	caches      map[string]*resilicache.Cache
	actors      map[string]*actor
	keys        map[string]bool
	called      atomic.Int64
	mutex       sync.Mutex // over what loaders see:
	rows        map[string]string
	fences      map[string]uint64
	told        map[string]chan struct{}
	asked       []string
	over        chan struct{} // loaders wait no longer once it is closed
}

// An actor has begun a call, or many alike.
type actor struct {
	call    *call
	results []chan found
	cancel  context.CancelFunc
	loading atomic.Int64
}

func newStage(url, prefix string) *stage {
	return &stage{url: url, prefix: prefix, caches: map[string]*resilicache.Cache{}, actors: map[string]*actor{},
		keys: map[string]bool{}, rows: map[string]string{}, fences: map[string]uint64{}, told: map[string]chan struct{}{}, over: make(chan struct{})}
}

func (s *stage) open(words []word) (*resilicache.Cache, error) {
	options, url := resilicache.NewDefaultOptions(), s.url
	options.Extra = map[string]string{"prefix": s.prefix}
	for name, value := range generous {
		options.Extra[name] = value
	}
	for _, word := range words {
		name, value, _ := strings.Cut(word.text, "=")
		if name == "url" {
			url = value
		} else {
			options.Extra[name] = value
		}
	}
	return resilicache.NewCache(url, options)
}

func (s *stage) cache(name string) *resilicache.Cache {
	if s.caches[name] == nil && name == "main" {
		cache, err := s.open(nil)
		if err != nil {
			panic(unexpected(err.Error()))
		}
		s.caches[name] = cache
	}
	if s.caches[name] == nil {
		panic(mistake("no cache " + name + " is open"))
	}
	return s.caches[name]
}

func (s *stage) wait(what string, condition func() bool) {
	for end := time.Now().Add(patience); !condition(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(end) {
			panic(unexpected(fmt.Sprintf("%v were not enough until %s", patience, what)))
		}
	}
}

// signal is closed when it is told.
func (s *stage) signal(name string) chan struct{} {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.told[name] == nil {
		s.told[name] = make(chan struct{})
	}
	return s.told[name]
}

// load reads the rows as they are now, waits if it has to, then returns them, or fails as it was told.
func (s *stage) load(c *call, a *actor, keys []string) (map[string][]byte, error) {
	rows := map[string][]byte{}
	s.mutex.Lock()
	s.asked = slices.Clone(keys)
	for _, key := range keys {
		if row, ok := s.rows[key]; ok && !slices.Contains(c.forgotten, key) {
			rows[key] = []byte(row)
		}
	}
	s.mutex.Unlock()
	s.called.Add(1)
	if err := s.untilTold(c, a); err != nil {
		return nil, err
	}
	switch {
	case c.throws:
		panic(c.failure)
	case c.fails && c.permanently:
		return nil, resilicache.Permanent(fmt.Errorf("%w: %s", errLoader, c.failure))
	case c.fails:
		return nil, fmt.Errorf("%w: %s", errLoader, c.failure)
	}
	return rows, nil
}

func (s *stage) untilTold(c *call, a *actor) error {
	if a != nil {
		a.loading.Add(1)
	}
	if c.after != "" {
		select {
		case <-s.signal(c.after):
		case <-s.over:
		case <-time.After(patience):
			return fmt.Errorf("nobody told %s", c.after)
		}
	}
	return nil
}

// transact is UPDATE ... SET row = ?, fence = ? WHERE key = ? AND fence < ?
func (s *stage) transact(c *call, a *actor, fence uint64) error {
	if err := s.untilTold(c, a); err != nil {
		return err
	}
	switch {
	case c.throws:
		panic(c.failure)
	case c.fails:
		return fmt.Errorf("%w: %s", errLoader, c.failure)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if key := c.keys[0]; s.fences[key] < fence {
		s.fences[key], s.rows[key] = fence, c.value
		return nil
	}
	return fmt.Errorf("%w: too late", errLoader)
}

// make makes the call, to its end.
func (s *stage) make(ctx context.Context, c *call, a *actor) found {
	cache := s.cache(c.at)
	if c.strong {
		ctx = resilicache.Strong(ctx)
	} else if c.eventual {
		ctx = resilicache.Eventual(ctx)
	}
	if c.version > 0 {
		ctx = resilicache.WithVersion(ctx, c.version)
	}
	if c.seeing != nil {
		token, err := s.tokenOf(*c.seeing)
		if err != nil {
			return failed(err)
		}
		ctx = resilicache.WithSession(ctx, token)
	}
	if c.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.deadline)
		defer cancel()
	}
	if c.verb == "batch" {
		return s.batch(ctx, cache, c, a)
	}
	key := c.keys[0]
	if ask := map[string]func(context.Context, string) ([]byte, error){
		"get": cache.Get, "raw-get": cache.RawGet,
		"fetch": func(ctx context.Context, key string) ([]byte, error) {
			return cache.FetchVersioned(ctx, key, c.ttl, func(primary bool) ([]byte, uint64, error) {
				rows, err := s.load(c, a, c.keys)
				if primary && c.primary > 0 {
					return rows[key], c.primary, err
				}
				return rows[key], c.version, err
			})
		}}[c.verb]; ask != nil {
		value, err := ask(ctx, key)
		if err != nil {
			return failed(err)
		}
		return found{value: value}
	}
	if c.verb == "inspect" {
		entry, err := cache.Inspect(ctx, key)
		if err != nil {
			return failed(err)
		}
		return found{entry: entry}
	}
	if c.verb == "update" {
		terms := resilicache.UpdateTerms{Owner: c.owner, Lease: c.lease, Intent: c.intent}
		err := cache.UpdateWith(ctx, key, terms, func(_ context.Context, fence uint64) error {
			return s.transact(c, a, fence)
		})
		if err != nil {
			return failed(err)
		}
		return found{done: true}
	}
	if err := s.do(ctx, cache, c, key); err != nil {
		return failed(err)
	}
	return found{done: true}
}

// do is for what has nothing to return.
func (s *stage) do(ctx context.Context, cache *resilicache.Cache, c *call, key string) error {
	switch c.verb {
	case "set":
		return cache.Set(ctx, key, []byte(c.value), c.ttl)
	case "raw-set":
		return cache.RawSet(ctx, key, []byte(c.value), c.ttl)
	case "delete":
		return cache.Delete(ctx, c.keys...)
	case "invalidate":
		return cache.TagAsDeletedBatch(ctx, c.keys)
	case "lock":
		terms := resilicache.LockTerms{Lease: c.lease, Wait: c.waiting, Intent: c.intent}
		_, err := cache.LockForUpdateWith(ctx, key, c.owner, terms)
		return err
	case "renew":
		return cache.RenewForUpdate(ctx, key, c.owner, c.lease)
	}
	return cache.UnlockForUpdate(ctx, key, c.owner)
}

func (s *stage) batch(ctx context.Context, cache *resilicache.Cache, c *call, a *actor) found {
	values, err := cache.FetchBatch(ctx, c.keys, c.ttl, func(idxs []int) (map[int][]byte, error) {
		keys := make([]string, len(idxs))
		for i, index := range idxs {
			keys[i] = c.keys[index]
		}
		rows, err := s.load(c, a, keys)
		values := map[int][]byte{}
		for i, index := range idxs {
			values[index] = rows[keys[i]]
		}
		return values, err
	})
	if err != nil && len(values) == 0 {
		return failed(err)
	}
	many := make([]found, len(c.keys))
	for i := range many {
		many[i].value = values[i]
		if values[i] == nil && err != nil {
			many[i] = failed(err)
		}
	}
	return found{many: many}
}

func (s *stage) note(c *call) {
	for _, key := range c.keys {
		s.keys[key] = true
	}
}

// clear lets everybody leave; no load may be left unfinished, and no key in the store.
func (s *stage) clear() {
	close(s.over)
	for _, actor := range s.actors {
		for _, result := range actor.results {
			s.wait("a call ends", func() bool { return len(result) > 0 })
		}
		actor.cancel()
	}
	for name, cache := range s.caches {
		s.wait("the loads of "+name+" are finished", func() bool {
			stats := cache.Stats()
			return stats["loads"] == stats["loads_stored"]+stats["loads_failed"]+stats["loads_lost"]+stats["loads_direct"]
		})
		cache.Close()
	}
	broom, err := s.open(nil)
	if err != nil {
		panic(unexpected(err.Error()))
	}
	for key := range s.keys {
		broom.Delete(context.Background(), key)
	}
	broom.Close()
}
