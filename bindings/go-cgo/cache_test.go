package resilicache

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWhatIsSetIsThereUntilItIsDeleted(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	value, err := cache.Get(background, "user:1")
	want(t, value, err, nil)
	must(t, cache.Set(background, "user:1", []byte("tester"), 10*time.Second))
	value, err = cache.Get(background, "user:1")
	want(t, value, err, "tester")
	must(t, cache.Delete(background, "user:1", "user:2"))
	value, err = cache.Get(background, "user:1")
	want(t, value, err, nil)
	must(t, cache.Delete(background, "user:1"))
	must(t, cache.Delete(background))
}

func TestAnyBytesAreAKeyAndAValue(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	large := strings.Repeat("\x00\xff", 1<<19)
	for _, key := range []string{"", "\x00", "\xff{\r\n", strings.Repeat("k", 1000)} {
		for _, text := range []string{"", "\x00", "a\r\nb", large} {
			must(t, cache.Set(background, key, []byte(text), time.Minute))
			value, err := cache.Get(background, key)
			want(t, value, err, text)
		}
	}
}

func TestValuesAreCopies(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	holder := struct {
		pointer *int
		bytes   [4]byte
	}{new(int), [4]byte{'a', 'b', 'c', 'd'}}
	must(t, cache.Set(background, "k", holder.bytes[1:3], time.Minute))
	holder.bytes[1] = 'x'
	first, err := cache.Get(background, "k")
	want(t, first, err, "bc")
	first[0] = 'y'
	second, err := cache.Get(background, "k")
	want(t, second, err, "bc")
	value, err := cache.FetchSingle(background, "l", time.Minute, func() ([]byte, error) { return holder.bytes[2:4], nil })
	want(t, value, err, "cd")
}

func TestABatchLoadsWhatIsMissingAtOnce(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	must(t, cache.Set(background, "b", []byte("cached"), time.Minute))
	keys := []string{"a", "b", "c", "", "a"}
	var asked []int
	values, err := cache.FetchBatch(background, keys, time.Minute, func(idxs []int) (map[int][]byte, error) {
		asked = slices.Clone(idxs)
		found := map[int][]byte{}
		for _, i := range idxs {
			if keys[i] != "c" {
				found[i] = []byte("loaded " + keys[i])
			}
		}
		return found, nil
	})
	must(t, err)
	expected := map[int]string{0: "loaded a", 1: "cached", 3: "loaded ", 4: "loaded a"}
	if got := texts(values); !maps.Equal(got, expected) {
		t.Fatalf("%q, expected %q", got, expected)
	}
	slices.Sort(asked)
	if !slices.Equal(asked, []int{0, 2, 3}) && !slices.Equal(asked, []int{2, 3, 4}) {
		t.Fatalf("asked for %v", asked)
	}
	value, err := cache.FetchSingle(background, "c", time.Minute, func() ([]byte, error) { return nil, errDatabase })
	want(t, value, err, nil)
}

func texts(values map[int][]byte) map[int]string {
	texts := map[int]string{}
	for i, value := range values {
		texts[i] = string(value)
	}
	return texts
}

func TestABatchOfNoneOrMany(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	values, err := cache.FetchBatch(background, nil, time.Minute, nil)
	must(t, err)
	if len(values) != 0 {
		t.Fatalf("%q of no keys", values)
	}
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%d", i)
	}
	load := func(idxs []int) (map[int][]byte, error) {
		found := map[int][]byte{}
		for _, i := range idxs {
			found[i] = []byte(keys[i])
		}
		return found, nil
	}
	for range 2 {
		values, err = cache.FetchBatch(background, keys, time.Minute, load)
		must(t, err)
		for i, key := range keys {
			want(t, values[i], nil, key)
		}
	}
	must(t, cache.TagAsDeletedBatch(background, keys))
	must(t, cache.Delete(background, keys...))
}

func TestEventuallyAnInvalidatedValueIsReplaced(t *testing.T) {
	cache, db := open(t, NewDefaultOptions()), newDatabase("v1")
	value, err := cache.FetchSingle(background, "k", time.Minute, db.read)
	want(t, value, err, "v1")
	db.write("v2")
	must(t, cache.TagAsDeletedSingle(background, "k"))
	value, err = cache.FetchSingle(background, "k", time.Minute, db.read)
	must(t, err)
	if text := string(value); text != "v1" && text != "v2" {
		t.Fatal(text)
	}
	eventually(t, "v2 is served", func() bool {
		value, err := cache.FetchSingle(background, "k", time.Minute, db.read)
		return err == nil && string(value) == "v2"
	})
	if reads := db.reads.Load(); reads != 2 {
		t.Fatalf("read %d times", reads)
	}
}

func TestStrongConsistencyServesNothingOld(t *testing.T) {
	options := NewDefaultOptions()
	options.StrongConsistency = true
	cache, db := open(t, options), newDatabase("")
	for i := range 100 {
		row := fmt.Sprint("v", i)
		db.write(row)
		must(t, cache.TagAsDeletedBatch(background, []string{"k", "l"}))
		value, err := cache.FetchSingle(background, "k", time.Minute, db.read)
		want(t, value, err, row)
	}
}

func TestRawValuesPassByLeases(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	value, err := cache.RawGet(background, "k")
	want(t, value, err, nil)
	must(t, cache.RawSet(background, "k", []byte("raw"), time.Minute))
	value, err = cache.RawGet(background, "k")
	want(t, value, err, "raw")
}

func TestALockKeepsOthersOut(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	must(t, cache.LockForUpdate(background, "k", "one"))
	must(t, cache.LockForUpdate(background, "k", "one"))
	if err := cache.LockForUpdate(background, "k", "two"); !errors.Is(err, ErrLost) {
		t.Fatal(err)
	}
	if err := cache.UnlockForUpdate(background, "k", "two"); !errors.Is(err, ErrLost) {
		t.Fatal(err)
	}
	must(t, cache.UnlockForUpdate(background, "k", "one"))
	must(t, cache.LockForUpdate(background, "k", "two"))
	must(t, cache.UnlockForUpdate(background, "k", "two"))
}

func TestStatsCount(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	before := cache.Stats()["calls"]
	must(t, cache.Set(background, "k", nil, time.Minute))
	if after := cache.Stats()["calls"]; after <= before {
		t.Fatalf("%d calls before, %d after one", before, after)
	}
}

func TestCredentialsAreGivenUntilItIsClosed(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	must(t, cache.Credentials("", "nobody asks for it"))
	value, err := cache.Get(background, "user:1")
	want(t, value, err, nil)
	if err := cache.Credentials("", strings.Repeat("x", 1<<17)); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	must(t, cache.Close())
	if err := cache.Credentials("", ""); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestOptionsAreSetWhileItIsInUse(t *testing.T) {
	cache := open(t, NewDefaultOptions())
	if err := cache.SetOption("disable_cache_delete", "yes"); err == nil || !strings.Contains(err.Error(), "first") {
		t.Error(err)
	}
	must(t, cache.SetOption("disable_cache_read", "yes"))
	must(t, cache.SetOption("disable_cache_delete", "yes"))
	must(t, cache.SetOption("disable_cache_delete", "no"))
	must(t, cache.SetOption("disable_cache_read", "no"))
	if err := cache.SetOption("delay", "1s"); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	must(t, cache.Close())
	if err := cache.SetOption("disable_cache_read", "yes"); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}
