package resilicache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var errDatabase = errors.New("the database is away")

// A lone caller leaves it as soon as one among many.
func TestALoadThatTakesTooLongIsLeft(t *testing.T) {
	cache := open(t, Options{Extra: map[string]string{"hard_timeout": "50ms"}})
	release, loaded := make(chan struct{}), make(chan struct{})
	begin := time.Now()
	_, err := cache.FetchSingle(background, "key", time.Minute, func() ([]byte, error) {
		defer close(loaded)
		<-release
		return []byte("value"), nil
	})
	if took := time.Since(begin); !errors.Is(err, ErrTimeout) || took > 5*time.Second {
		t.Fatalf("%v after %v", err, took)
	}
	close(release)
	<-loaded
	eventually(t, "the load is kept", func() bool {
		value, err := cache.Get(background, "key")
		return err == nil && string(value) == "value"
	})
}

func TestALoadersErrorComesBackAsItself(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	fail := func() ([]byte, error) { return nil, fmt.Errorf("reading: %w", errDatabase) }
	if value, err := cache.FetchSingle(background, "k", time.Minute, fail); !errors.Is(err, errDatabase) || value != nil {
		t.Fatalf("%q, %v", value, err)
	}
	values, err := cache.FetchBatch(background, []string{"k", "l"}, time.Minute, func([]int) (map[int][]byte, error) {
		return nil, errDatabase
	})
	if err != errDatabase || len(values) != 0 {
		t.Fatalf("%q, %v", values, err)
	}
	value, err := cache.FetchSingle(background, "k", time.Minute, newDatabase("v1").read)
	want(t, value, err, "v1")
}

func TestWhoSharesALoadLearnsOfItsFailure(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	loading, goOn := make(chan struct{}), make(chan struct{})
	first := make(chan error)
	go func() {
		_, err := cache.FetchSingle(background, "k", time.Minute, func() ([]byte, error) {
			close(loading)
			<-goOn
			return nil, errDatabase
		})
		first <- err
	}()
	<-loading
	second := make(chan error)
	go func() {
		_, err := cache.FetchSingle(background, "k", time.Minute, func() ([]byte, error) { return nil, errDatabase })
		second <- err
	}()
	time.Sleep(20 * time.Millisecond)
	close(goOn)
	if err := <-first; err != errDatabase {
		t.Error(err)
	}
	err := <-second
	if err != errDatabase && !(errors.Is(err, ErrLoader) && strings.Contains(err.Error(), errDatabase.Error())) {
		t.Error(err)
	}
}

func TestAPanicIsItsCallersError(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	_, err := cache.FetchSingle(background, "k", time.Minute, func() ([]byte, error) { panic("no such table") })
	var panicked *PanicError
	if !errors.As(err, &panicked) || !errors.Is(err, ErrLoader) || !strings.Contains(err.Error(), "no such table") {
		t.Fatal(err)
	}
	if !strings.Contains(string(panicked.Stack), "TestAPanicIsItsCallersError") {
		t.Fatalf("%s", panicked.Stack)
	}
	values, err := cache.FetchBatch(background, []string{"k", "l"}, time.Minute, func([]int) (map[int][]byte, error) {
		panic(errDatabase)
	})
	if !errors.Is(err, errDatabase) || len(values) != 0 {
		t.Fatalf("%q, %v", values, err)
	}
	_, err = cache.FetchSingle(background, "k", time.Minute, func() ([]byte, error) { runtime.Goexit(); return nil, nil })
	if !errors.Is(err, ErrLoader) {
		t.Fatal(err)
	}
	value, err := cache.FetchSingle(background, "k", time.Minute, newDatabase("v1").read)
	want(t, value, err, "v1")
}

func TestAbsenceIsRemembered(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	loads := 0 // its caller may read what the loader wrote
	for range 3 {
		value, err := cache.FetchSingle(background, "k", time.Minute, func() ([]byte, error) { loads++; return nil, nil })
		want(t, value, err, nil)
	}
	if loads != 1 {
		t.Fatalf("loaded %d times", loads)
	}
	value, err := cache.FetchSingle(background, "l", time.Minute, func() ([]byte, error) { return []byte{}, nil })
	want(t, value, err, "")
	value, err = cache.Get(background, "l")
	want(t, value, err, "")
}

func TestARefreshThatFailsIsToldApart(t *testing.T) {
	failures := make(chan error, 100)
	options := NewDefaultOptions()
	options.RefreshFailed = func(err error) { failures <- err }
	cache := open(t, options)
	value, err := cache.FetchSingle(background, "k", time.Minute, newDatabase("v1").read)
	want(t, value, err, "v1")
	must(t, cache.TagAsDeletedSingle(background, "k"))
	value, err = cache.FetchSingle(background, "k", time.Minute, func() ([]byte, error) { panic(errDatabase) })
	want(t, value, err, "v1")
	select {
	case err := <-failures:
		if !errors.Is(err, errDatabase) {
			t.Fatal(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody was told")
	}
}

func TestManyWaitForOneLoadAndCostNoThreads(t *testing.T) {
	const callers = 10000
	cache, db := open(t, NewDefaultOptions()), newDatabase("v1")
	var begun, ended sync.WaitGroup
	var failed atomic.Int64
	begun.Add(callers)
	for range callers {
		spawn(&ended, func() {
			begun.Done()
			value, err := cache.FetchSingle(background, "hot", time.Minute, func() ([]byte, error) {
				time.Sleep(300 * time.Millisecond)
				return db.read()
			})
			if err != nil || string(value) != "v1" {
				failed.Add(1)
			}
		})
	}
	begun.Wait()
	for range 10 {
		if threads := threadCount(); threads >= 200 {
			t.Fatalf("%d threads for %d callers", threads, callers)
		}
		time.Sleep(20 * time.Millisecond)
	}
	ended.Wait()
	if reads := db.reads.Load(); reads != 1 || failed.Load() != 0 {
		t.Fatalf("read %d times, %d callers failed", reads, failed.Load())
	}
}

// threadCount is 0 where /proc is not.
func threadCount() int {
	tasks, _ := os.ReadDir("/proc/self/task")
	return len(tasks)
}

func TestManyLoadsAtOnceCostNoThreads(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	var all sync.WaitGroup
	var running, threads atomic.Int64
	for i := range 1000 {
		spawn(&all, func() {
			_, err := cache.FetchSingle(background, fmt.Sprint("k", i), time.Minute, func() ([]byte, error) {
				if running.Add(1) == 1000 {
					threads.Store(int64(threadCount()))
				}
				eventually(t, "all loaders run", func() bool { return running.Load() == 1000 })
				return []byte("v"), nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if threads.Load() >= 200 {
		t.Fatalf("%d threads for 1000 loaders", threads.Load())
	}
}

func TestACanceledCallEndsAtOnceAndHurtsNobody(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	loading, goOn := make(chan struct{}), make(chan struct{})
	load := func() ([]byte, error) {
		close(loading)
		<-goOn
		return []byte("v1"), nil
	}
	first, cancelFirst := context.WithCancel(background)
	second, cancelSecond := context.WithTimeoutCause(background, 50*time.Millisecond, errDatabase)
	defer cancelSecond()
	results := make(chan error, 3)
	fetch := func(ctx context.Context) {
		value, err := cache.FetchSingle(ctx, "k", time.Minute, load)
		if err == nil && string(value) != "v1" {
			err = fmt.Errorf("%q", value)
		}
		results <- err
	}
	go fetch(first)
	<-loading
	go fetch(second)
	if err := <-results; err != context.DeadlineExceeded {
		t.Fatal(err)
	}
	go fetch(background)
	time.Sleep(20 * time.Millisecond)
	began := time.Now()
	cancelFirst()
	if err := <-results; err != context.Canceled || time.Since(began) > time.Second {
		t.Fatal(err)
	}
	close(goOn)
	must(t, <-results)
	value, err := cache.Get(background, "k")
	want(t, value, err, "v1")
	if _, err := cache.Get(first, "k"); err != context.Canceled {
		t.Fatal(err)
	}
}

func TestCancelingAtAnyMoment(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	var all sync.WaitGroup
	for i := range 2000 {
		spawn(&all, func() {
			ctx, cancel := context.WithTimeout(background, time.Duration(i)*time.Microsecond)
			defer cancel()
			key := fmt.Sprint("k", i%7)
			_, err := cache.FetchSingle(ctx, key, time.Minute, func() ([]byte, error) {
				time.Sleep(time.Duration(i%5) * time.Millisecond)
				return []byte(key), nil
			})
			if err != nil && err != context.DeadlineExceeded {
				t.Error(err)
			}
			if i%3 == 0 {
				if err := cache.TagAsDeletedSingle(ctx, key); err != nil && err != context.DeadlineExceeded {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	value, err := cache.FetchSingle(background, "k1", time.Minute, func() ([]byte, error) { return []byte("k1"), nil })
	want(t, value, err, "k1")
}

func TestTheDeadlineOfTheOptions(t *testing.T) {
	options := NewDefaultOptions()
	options.Extra = map[string]string{"deadline": "50ms"}
	cache := open(t, options)
	loading, goOn := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	spawn(&holder, func() {
		ctx, cancel := context.WithTimeout(background, time.Minute)
		defer cancel()
		value, err := cache.FetchSingle(ctx, "k", time.Minute, func() ([]byte, error) {
			close(loading)
			<-goOn
			return []byte("v1"), nil
		})
		want(t, value, err, "v1")
	})
	<-loading
	_, err := cache.FetchSingle(background, "k", time.Minute, newDatabase("v2").read)
	var failure *Error
	if !errors.Is(err, ErrTimeout) || !errors.As(err, &failure) || !failure.Timeout() || failure.Key != "k" {
		t.Error(err)
	}
	close(goOn)
	holder.Wait()
}
