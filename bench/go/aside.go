//go:build aside

package main

import (
	"context"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidisaside"
)

func init() {
	contenders["rueidisaside"] = func(t task) (contender, error) { return newAside(t, false) }
	contenders["rueidisaside-remote"] = func(t task) (contender, error) { return newAside(t, true) }
}

// newAside keeps what it has read in the process, as is its way, unless it is remote.
func newAside(t task, remote bool) (contender, error) {
	client, err := rueidisaside.NewClient(rueidisaside.ClientOption{
		ClientOption: rueidis.ClientOption{InitAddress: t.addresses(), DisableCache: remote}})
	if err != nil {
		return contender{}, err
	}
	get := func(key string, load func() (string, error)) (int, error) {
		value, err := client.Get(ctx, ttl, key, func(context.Context, string) (string, error) { return load() })
		return len(value), err
	}
	return contender{
		set: func(key, value string) error {
			_, err := get(key, func() (string, error) { return value, nil })
			return err
		},
		hit: func(key string) (int, error) {
			return get(key, func() (string, error) { return "", errMiss })
		},
		renew: func(key, value string) error {
			if err := client.Del(ctx, key); err != nil {
				return err
			}
			_, err := get(key, func() (string, error) { return value, nil })
			return err
		},
		fetch: func(key string, load func() string) error {
			_, err := get(key, func() (string, error) { return load(), nil })
			return err
		},
	}, nil
}
