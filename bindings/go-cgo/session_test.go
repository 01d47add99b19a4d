package resilicache

import (
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
