package resilicache

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestOptionsReachTheCache(t *testing.T) {
	options := NewDefaultOptions()
	options.Delay = 1500 * time.Microsecond
	options.EmptyExpire = 0
	options.LockExpire = time.Second
	options.LockSleep = 20 * time.Millisecond
	options.WaitReplicas = 1
	options.WaitReplicasTimeout = time.Second
	options.RandomExpireAdjustment = 0.25
	options.DisableCacheRead = true
	options.DisableCacheDelete = true
	options.StrongConsistency = true
	options.Extra = map[string]string{"deadline": "2s"}
	open(t, options)
	texts := options.texts()
	for name, expected := range map[string]string{"delay": "2ms", "empty_expire": "0ms", "lock_expire": "1000ms",
		"lock_sleep": "20ms", "wait_replicas": "1", "wait_replicas_timeout": "1000ms", "random_expire_adjustment": "0.25",
		"disable_cache_read": "yes", "disable_cache_delete": "yes", "strong_consistency": "yes", "deadline": "2s"} {
		if texts[name] != expected {
			t.Errorf("%s is %q, expected %q", name, texts[name], expected)
		}
	}
}

func TestDefaultsAreTheLibrarys(t *testing.T) {
	fallbacks := map[string]string{}
	for _, option := range DescribeOptions() {
		fallbacks[option.Name] = option.Default
	}
	for name, expected := range map[string]string{"delay": "10s", "empty_expire": "60s", "lock_expire": "3s",
		"lock_sleep": "100ms", "wait_replicas": "0", "wait_replicas_timeout": "3s", "random_expire_adjustment": "0.1",
		"disable_cache_read": "no", "disable_cache_delete": "no", "strong_consistency": "no"} {
		if fallbacks[name] != expected {
			t.Errorf("%s is %q in the library, %q here", name, fallbacks[name], expected)
		}
	}
	options := NewDefaultOptions()
	if texts := options.texts(); len(texts) != 0 {
		t.Errorf("defaults say %v, and would go over the URL", texts)
	}
}

func TestDisabledReadsLoadEachTime(t *testing.T) {
	options := NewDefaultOptions()
	options.DisableCacheRead = true
	cache, db := open(t, options), newDatabase("v1")
	for range 3 {
		value, err := cache.FetchSingle(background, "k", time.Minute, db.read)
		want(t, value, err, "v1")
	}
	if reads := db.reads.Load(); reads != 3 {
		t.Fatalf("read %d times", reads)
	}
}

func TestWhatCanNotBeIsAnError(t *testing.T) {
	wrong := NewDefaultOptions()
	wrong.Extra = map[string]string{"lock_expires": "3s"}
	late := NewDefaultOptions()
	late.Delay = -time.Second
	for _, attempt := range []struct {
		url     string
		options Options
		says    string
	}{
		{"memory://", wrong, "lock_expire"},
		{"memory://", late, "delay"},
		{"http://localhost", NewDefaultOptions(), ""},
		{"redis://:hush@[bad", NewDefaultOptions(), ""},
	} {
		cache, err := NewCache(attempt.url, attempt.options)
		if cache != nil || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), attempt.says) {
			t.Errorf("%s: %v", attempt.url, err)
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("a password in %q", err)
		}
	}
	cache, err := NewCache("memory://", Options{})
	must(t, err)
	must(t, cache.Close())
}

func TestArgumentsAreChecked(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	if err := cache.Set(background, "k", nil, 0); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if err := cache.LockForUpdate(background, "k", ""); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	err := cache.Set(background, strings.Repeat("k", 1<<20+1), nil, time.Minute)
	var failure *Error
	if !errors.As(err, &failure) || failure.Status != StatusLimit || failure.Status.Retriable() || len(err.Error()) < 20 {
		t.Error(err)
	}
	if !StatusTimeout.Retriable() || StatusLost.String() != "RCACHE_E_LOST" {
		t.Error(StatusLost)
	}
	must(t, cache.Set(background, "k", nil, time.Nanosecond))
}
