package resilicache

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestASessionSeesWhatItHasWritten(t *testing.T) {
	options := NewDefaultOptions()
	options.Delay = time.Minute
	options.Extra = map[string]string{"session_consistency": "yes"}
	cache := open(t, options)
	returns := func(value string) func() ([]byte, error) {
		return func() ([]byte, error) { return []byte(value), nil }
	}
	_, err := cache.FetchSingle(background, "k", time.Minute, returns("v1"))
	must(t, err)
	must(t, cache.TagAsDeletedSingle(background, "k"))
	value, err := cache.FetchSingle(background, "k", time.Minute, returns("v2"))
	if err != nil || string(value) != "v2" {
		t.Errorf("%q %v", value, err)
	}
	token, err := cache.SessionToken()
	must(t, err)
	must(t, cache.JoinSession(token))
	if err := cache.JoinSession("nonsense"); !errors.Is(err, ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestATokenCountsForTheFetchesThatItIsGivenTo(t *testing.T) {
	url, options := testURL(t), NewDefaultOptions()
	options.Delay = time.Minute
	cache, err := NewCache(url, options)
	must(t, err)
	defer cache.Close()
	options.Extra = map[string]string{"session_consistency": "yes"}
	writer, err := NewCache(url, options)
	must(t, err)
	defer writer.Close()
	fetch := func(ctx context.Context) string {
		value, err := cache.FetchSingle(ctx, "k", time.Minute, func() ([]byte, error) { return []byte("v2"), nil })
		must(t, err)
		return string(value)
	}
	batch := func(ctx context.Context) string {
		values, err := cache.FetchBatch(ctx, []string{"k", "l"}, time.Minute, func(missing []int) (map[int][]byte, error) {
			values := make(map[int][]byte)
			for _, i := range missing {
				values[i] = []byte("v2")
			}
			return values, nil
		})
		must(t, err)
		return string(values[0])
	}
	for _, fetch := range []func(context.Context) string{fetch, batch} {
		must(t, cache.Set(background, "k", []byte("v1"), time.Minute))
		must(t, cache.TagAsDeletedSingle(background, "k"))
		must(t, writer.TagAsDeletedSingle(background, "k")) // in memory it is another's, and its token tells of it all the same
		must(t, cache.LockForUpdate(background, "k", "writer"))
		if value := fetch(background); value != "v1" {
			t.Errorf("without a token %q", value)
		}
		must(t, cache.UnlockForUpdate(background, "k", "writer"))
		token, err := writer.SessionToken()
		must(t, err)
		if value := fetch(WithSession(background, token)); value != "v2" {
			t.Errorf("with the token %q", value)
		}
	}
	for _, token := range []string{"", "nonsense", "s1-0000000000000000\x00", "s1-0000000000000000\x00junk"} {
		_, err := cache.FetchSingle(WithSession(background, token), "k", time.Minute,
			func() ([]byte, error) { return nil, nil })
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", token, err)
		}
	}
}
