package resilicache

import (
	"errors"
	"sync"
	"testing"
	"time"
)

func TestOneCallMayBeStrongOrEventual(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	db := newDatabase("old")
	fetch := func(strong bool) string {
		t.Helper()
		ctx := Eventual(background)
		if strong {
			ctx = Strong(background)
		}
		value, err := cache.FetchSingle(ctx, "k", time.Minute, db.read)
		must(t, err)
		return string(value)
	}
	fetch(false)
	db.write("new")
	must(t, cache.TagAsDeletedSingle(background, "k"))
	if found := fetch(true); found != "new" {
		t.Fatalf("a strong fetch returned %q", found)
	}

	options := NewDefaultOptions()
	options.StrongConsistency = true
	cache = open(t, options)
	fetch(true)
	must(t, cache.LockForUpdate(background, "k", "writer"))
	if found := fetch(false); found != "new" { // strong, it would wait for the lock to end
		t.Fatalf("an eventual fetch returned %q", found)
	}
}

func TestAnEntryCanBeInspected(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	entry, err := cache.Inspect(background, "k")
	must(t, err)
	if entry != nil {
		t.Fatalf("%v is nothing", entry)
	}
	must(t, cache.Set(background, "k", []byte("tester"), time.Minute))
	must(t, cache.LockForUpdate(background, "k", "writer 1"))
	entry, err = cache.Inspect(background, "k")
	must(t, err)
	if entry["state"] != "locked" || entry["size"] != "6" || entry["owner"] != "writer 1" {
		t.Fatalf("%v", entry)
	}
}

func TestALockHasAFenceBesideOtherCalls(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	loading, goOn := make(chan struct{}), make(chan struct{})
	var slow sync.WaitGroup
	spawn(&slow, func() {
		value, err := cache.FetchSingle(background, "slow", time.Minute, func() ([]byte, error) {
			close(loading)
			<-goOn
			return []byte("v"), nil
		})
		want(t, value, err, "v")
	})
	<-loading
	fence, err := cache.LockForUpdateWith(background, "k", "writer", LockTerms{})
	if err != nil || fence == 0 {
		t.Errorf("%d, %v", fence, err)
	}
	close(goOn)
	slow.Wait()
}

func TestALockHasALeaseAndMayBeWaitedFor(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	first, err := cache.LockForUpdateWith(background, "k", "first", LockTerms{Lease: 300 * time.Millisecond})
	must(t, err)
	must(t, cache.RenewForUpdate(background, "k", "first", 300*time.Millisecond))
	if err := cache.RenewForUpdate(background, "k", "second", time.Second); !errors.Is(err, ErrLost) {
		t.Fatalf("%v", err)
	}
	second, err := cache.LockForUpdateWith(background, "k", "second", LockTerms{Wait: true})
	must(t, err)
	if second <= first || first == 0 {
		t.Errorf("the second lock has the fence %d, the first one %d", second, first)
	}
	if err := cache.RenewForUpdate(background, "k", "first", time.Second); !errors.Is(err, ErrLost) {
		t.Fatalf("%v", err)
	}
}
