package resilicache

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

func TestClosingEndsCallsAndWaitsForNone(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	loading, goOn, loaded := make(chan struct{}), make(chan struct{}), make(chan struct{})
	errs := make(chan error)
	go func() {
		_, err := cache.FetchSingle(background, "k", time.Minute, func() ([]byte, error) {
			defer close(loaded)
			close(loading)
			<-goOn
			return []byte("late"), nil
		})
		errs <- err
	}()
	<-loading
	go func() {
		_, err := cache.FetchSingle(background, "k", time.Minute, newDatabase("v1").read)
		errs <- err
	}()
	time.Sleep(10 * time.Millisecond)
	must(t, cache.Close())
	for range 2 {
		if err := <-errs; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if _, err := cache.Get(background, "k"); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if stats := cache.Stats(); len(stats) != 0 {
		t.Error(stats)
	}
	must(t, cache.Close())
	close(goOn)
	<-loaded
}

func TestClosingFromALoader(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	_, err := cache.FetchSingle(background, "k", time.Minute, func() ([]byte, error) { return []byte("v"), cache.Close() })
	if err != nil && !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestClosingWhileAllIsAtWork(t *testing.T) {
	for range 20 {
		cache := open(t, NewDefaultOptions())
		var all sync.WaitGroup
		for i := range 50 {
			spawn(&all, func() {
				for err := error(nil); err == nil; {
					key := fmt.Sprint("k", i%10)
					_, err = cache.FetchSingle(background, key, time.Minute, newDatabase("v").read)
					cache.Stats()
					if err == nil {
						err = cache.TagAsDeletedSingle(background, key)
					}
					if err != nil && !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		must(t, cache.Close())
		all.Wait()
	}
}

func TestACacheLeavesNothingBehind(t *testing.T) {
	descriptors := func() int {
		entries, _ := os.ReadDir("/proc/self/fd")
		return len(entries)
	}
	open(t, NewDefaultOptions()) // the netpoller has descriptors of its own
	goroutines, files := runtime.NumGoroutine(), descriptors()
	for range 50 {
		cache := open(t, NewDefaultOptions())
		must(t, cache.Set(background, "k", nil, time.Minute))
		must(t, cache.Close())
	}
	eventually(t, "goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "descriptors are closed", func() bool { return descriptors() <= files })
}

func TestNoServer(t *testing.T) {
	cache, err := NewCache("redis://127.0.0.1:1", NewDefaultOptions())
	must(t, err)
	defer cache.Close()
	if _, err := cache.Get(background, "k"); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
}
