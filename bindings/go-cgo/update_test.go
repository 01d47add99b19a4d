package resilicache

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestAnUpdateLocksItsKeyAndInvalidatesItAfterwards(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	must(t, cache.Set(background, "k", []byte("old"), time.Minute))
	var first, second uint64
	must(t, cache.Update(background, "k", func(_ context.Context, fence uint64) error {
		first = fence
		if entry, err := cache.Inspect(background, "k"); err != nil || entry["state"] != "locked" {
			t.Errorf("%v %v", entry, err)
		}
		return nil
	}))
	if entry, err := cache.Inspect(background, "k"); err != nil || entry["state"] != "invalidated" {
		t.Errorf("%v %v", entry, err)
	}
	must(t, cache.Update(background, "k", func(_ context.Context, fence uint64) error {
		second = fence
		return nil
	}))
	if first == 0 || second <= first {
		t.Errorf("the fences are %d and %d", first, second)
	}
}

func TestWhatATransactionReturnsIsReturnedAndItsKeyIsUnlocked(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	rolledBack := errors.New("rolled back")
	if err := cache.Update(background, "k", func(context.Context, uint64) error { return rolledBack }); err != rolledBack {
		t.Errorf("%v", err)
	}
	err := cache.Update(background, "k", func(context.Context, uint64) error { panic("at the disco") })
	var panicked *PanicError
	if !errors.As(err, &panicked) {
		t.Errorf("%v", err)
	}
	must(t, cache.LockForUpdate(background, "k", "another"))
}

func TestATransactionIsToldThatItsLockIsLost(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	terms := UpdateTerms{Owner: "me", Lease: 150 * time.Millisecond}
	err := cache.UpdateWith(background, "k", terms, func(ctx context.Context, _ uint64) error {
		must(t, cache.Delete(background, "k"))
		must(t, cache.LockForUpdate(background, "k", "another"))
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Second):
			t.Error("nobody told it")
		}
		if !errors.Is(context.Cause(ctx), ErrLost) {
			t.Errorf("the cause is %v", context.Cause(ctx))
		}
		return ctx.Err()
	})
	if !errors.Is(err, ErrLost) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if entry, err := cache.Inspect(background, "k"); err != nil || entry["owner"] != "another" {
		t.Errorf("%v %v", entry, err)
	}
}

func TestATransactionThatNoticesNothingIsToldAfterwards(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	err := cache.Update(background, "k", func(context.Context, uint64) error {
		return cache.Set(background, "k", []byte("another's"), time.Minute)
	})
	if !errors.Is(err, ErrLost) {
		t.Errorf("%v", err)
	}
}

// Also where others are at work in the cache, so that the queue is what tells.
func TestAnUpdateEndsWithItsTransactionWhenItsContextDoes(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	for _, busy := range []bool{false, true} {
		ctx, cancel := context.WithCancel(background)
		loading, done := make(chan struct{}), make(chan struct{})
		if busy {
			go cache.FetchSingle(background, "other", time.Minute, func() ([]byte, error) {
				close(loading)
				<-done
				return nil, nil
			})
			<-loading
		}
		ended := false
		err := cache.UpdateWith(ctx, "k", UpdateTerms{Lease: time.Minute}, func(ctx context.Context, _ uint64) error {
			cancel()
			<-ctx.Done()
			ended = true
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) || !ended {
			t.Errorf("%v, ended: %v", err, ended)
		}
		must(t, cache.LockForUpdate(background, "k", "another"))
		must(t, cache.UnlockForUpdate(background, "k", "another"))
		close(done)
	}
}

func TestAnUpdateWaitsForAnother(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	_, err := cache.LockForUpdateWith(background, "k", "another", LockTerms{Lease: 400 * time.Millisecond})
	must(t, err)
	ctx, cancel := context.WithTimeout(background, 50*time.Millisecond)
	defer cancel()
	err = cache.Update(ctx, "k", func(context.Context, uint64) error {
		t.Error("it is another's")
		return nil
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	must(t, cache.Update(background, "k", func(context.Context, uint64) error { return nil }))
}
