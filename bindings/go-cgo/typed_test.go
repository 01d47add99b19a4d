package resilicache

import (
	"errors"
	"strings"
	"testing"
	"time"
)

type user struct {
	Name string `json:"name"`
	Age  int    `json:"age"`
}

func TestTypedValues(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	users, ada := NewTypedCache[user](cache), user{"Ada", 36}
	expect := func(got user, err error, expected user) {
		t.Helper()
		must(t, err)
		if got != expected {
			t.Fatalf("%v, expected %v", got, expected)
		}
	}
	got, err := users.Get(background, "k")
	expect(got, err, user{})
	must(t, users.Set(background, "k", ada, time.Minute))
	got, err = users.Get(background, "k")
	expect(got, err, ada)
	text, err := cache.Get(background, "k")
	want(t, text, err, `{"name":"Ada","age":36}`)
	must(t, users.Delete(background, "k"))
	got, err = users.FetchSingle(background, "k", time.Minute, func() (user, error) { return ada, nil })
	expect(got, err, ada)
	must(t, users.TagAsDeletedSingle(background, "k"))
	got, err = users.FetchSingle(background, "none", time.Minute, func() (user, error) { return user{}, ErrAbsent })
	expect(got, err, user{})
	got, err = users.FetchSingle(background, "none", time.Minute, func() (user, error) { return user{}, errDatabase })
	expect(got, err, user{})
	_, err = users.FetchSingle(background, "l", time.Minute, func() (user, error) { return user{}, errDatabase })
	if err != errDatabase {
		t.Fatal(err)
	}
	must(t, users.RawSet(background, "raw", ada, time.Minute))
	got, err = users.RawGet(background, "raw")
	expect(got, err, ada)
	must(t, users.LockForUpdate(background, "lock", "me"))
	must(t, users.UnlockForUpdate(background, "lock", "me"))
}

func TestTypedBatches(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	users, keys := NewTypedCache[*user](cache), []string{"a", "b", "c"}
	load := func(idxs []int) (map[int]*user, error) {
		return map[int]*user{0: {"a", 1}, 1: nil}, nil
	}
	for range 2 {
		values, err := users.FetchBatch(background, keys, time.Minute, load)
		must(t, err)
		if len(values) != 1 || *values[0] != (user{"a", 1}) {
			t.Fatal(values)
		}
	}
	must(t, users.TagAsDeletedBatch(background, keys))
	absent, err := users.Get(background, "none")
	if absent != nil || err != nil {
		t.Fatal(absent, err)
	}
}

func TestWhatIsNoJSONIsAnError(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	users := NewTypedCache[user](cache)
	must(t, cache.Set(background, "k", []byte("{"), time.Minute))
	if _, err := users.Get(background, "k"); err == nil || !strings.Contains(err.Error(), "user") {
		t.Fatal(err)
	}
	values, err := users.FetchBatch(background, []string{"k"}, time.Minute, nil)
	if err == nil || len(values) != 0 {
		t.Fatal(values, err)
	}
	channels := NewTypedCache[chan int](cache)
	if err := channels.Set(background, "c", make(chan int), time.Minute); err == nil {
		t.Fatal("a channel was stored")
	}
	_, err = channels.FetchSingle(background, "c", time.Minute, func() (chan int, error) { return make(chan int), nil })
	if err == nil || errors.Is(err, ErrLoader) {
		t.Fatal(err)
	}
}
