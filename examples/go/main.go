// The product in a minute: go run . [URL]
//
// Runs on memory:// or, with a URL, on a server; touches only keys below its own prefix, and removes them at the end.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"
	"time"

	resilicache "github.com/resilicache/resilicache/bindings/go-cgo"
)

var (
	ctx    = context.Background()
	prefix = fmt.Sprintf("resilicache-walkthrough:%d:", time.Now().UnixNano())
	user   = prefix + "user:01J61BPPHMFH9VSF2T1R2ZXDA2"
	hot    = prefix + "hot"
	users  = []string{prefix + "user:01J61C9MEM", prefix + "user:01J61CH3XE", prefix + "user:01J61CHNPX"}
)

// show prints what came out, and ends the program if that is not what should.
func show(what string, value any, err error, expected any) {
	fmt.Printf("  %-46s %v\n", what, value)
	if err != nil || fmt.Sprint(value) != fmt.Sprint(expected) {
		log.Fatalf("%s: %v, %v; expected %v", what, value, err, expected)
	}
}

func oneKey(cache *resilicache.Cache) {
	fmt.Println("\nOne key: the value in the cache, the truth in the database")
	err := cache.Set(ctx, user, []byte("tester"), 10*time.Second)
	value, getErr := cache.Get(ctx, user)
	show("set, then get", string(value), errors.Join(err, getErr), "tester")
	err = cache.Delete(ctx, user)
	value, getErr = cache.Get(ctx, user)
	show("delete, then get", value == nil, errors.Join(err, getErr), true)
	value, err = cache.FetchSingle(ctx, user, 10*time.Second, func() ([]byte, error) { return []byte("tester v1"), nil })
	show("fetch: loaded", string(value), err, "tester v1")
	value, err = cache.FetchSingle(ctx, user, 10*time.Second, func() ([]byte, error) { return nil, errors.New("asked") })
	show("fetch: from the cache", string(value), err, "tester v1")
}

func invalidate(cache *resilicache.Cache) {
	fmt.Println("\nThe database changes: the old value serves until the new one is there")
	load := func() ([]byte, error) { return []byte("tester v2"), nil }
	err := cache.TagAsDeletedSingle(ctx, user)
	value, fetchErr := cache.FetchSingle(ctx, user, 10*time.Second, load)
	show("tag as deleted, then fetch", string(value), errors.Join(err, fetchErr), "tester v1")
	for end := time.Now().Add(5 * time.Second); string(value) != "tester v2" && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		value, err = cache.FetchSingle(ctx, user, 10*time.Second, load)
	}
	show("a moment later", string(value), err, "tester v2")
}

func batch(cache *resilicache.Cache) {
	fmt.Println("\nMany keys: what is missing is loaded at once")
	load := func(idxs []int) (map[int][]byte, error) {
		values := map[int][]byte{}
		for _, i := range idxs {
			values[i] = fmt.Appendf(nil, "tester_%d", i)
		}
		return values, nil
	}
	values, err := cache.FetchBatch(ctx, users, 10*time.Second, load)
	show("fetch three", string(values[0])+" "+string(values[1])+" "+string(values[2]), err, "tester_0 tester_1 tester_2")
	err = cache.TagAsDeletedBatch(ctx, users)
	show("tag three as deleted", "done", err, "done")
}

func stampede(cache *resilicache.Cache) {
	fmt.Println("\nA stampede: ten thousand goroutines want what nobody has")
	var reads, right atomic.Int64
	var all sync.WaitGroup
	for range 10000 {
		all.Add(1)
		go func() {
			defer all.Done()
			value, err := cache.FetchSingle(ctx, hot, time.Minute, func() ([]byte, error) {
				reads.Add(1)
				time.Sleep(100 * time.Millisecond) // a slow query
				return []byte("hot"), nil
			})
			if err == nil && string(value) == "hot" {
				right.Add(1)
			}
		}()
	}
	all.Wait()
	show("right answers", right.Load(), nil, 10000)
	show("reads of the database", reads.Load(), nil, 1)
}

func typedAndLocked(cache *resilicache.Cache) {
	fmt.Println("\nTyped values, and a lock for update")
	type User struct{ Name string }
	typed := resilicache.NewTypedCache[User](cache)
	ada, err := typed.FetchSingle(ctx, users[0]+":typed", time.Minute, func() (User, error) { return User{"Ada"}, nil })
	show("fetch a User", ada.Name, err, "Ada")
	err = cache.LockForUpdate(ctx, user, "me")
	other := cache.LockForUpdate(ctx, user, "you")
	show("another's lock is refused", errors.Is(other, resilicache.ErrLost), err, true)
	show("unlock", "done", cache.UnlockForUpdate(ctx, user, "me"), "done")
	fenced := false
	err = cache.Update(ctx, user, func(_ context.Context, fence uint64) error {
		fenced = fence > 0 // UPDATE ... SET fence = ? WHERE fence < ?
		return nil
	})
	show("update: lock, transaction, unlock", fenced, err, true)
}

func main() {
	url := "memory://"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	cache, err := resilicache.NewCache(url, resilicache.NewDefaultOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	oneKey(cache)
	invalidate(cache)
	batch(cache)
	stampede(cache)
	typedAndLocked(cache)
	if err := cache.Delete(ctx, append(users, user, hot, users[0]+":typed")...); err != nil {
		log.Fatal(err)
	}
	fmt.Println("\nAll as it should be.")
}
