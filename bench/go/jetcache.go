//go:build jetcache

package main

import (
	"context"
	"time"

	"github.com/mgtv-tech/jetcache-go"
	"github.com/mgtv-tech/jetcache-go/local"
	"github.com/mgtv-tech/jetcache-go/remote"
)

func init() {
	contenders["jetcache-go"] = func(t task) (contender, error) { return newJetcache(t) }
	contenders["jetcache-go-local"] = func(t task) (contender, error) {
		return newJetcache(t, cache.WithLocal(local.NewTinyLFU(100_000, time.Minute)))
	}
}

func newJetcache(t task, more ...cache.Option) (contender, error) {
	items := cache.New(append(more, cache.WithName("bench"), cache.WithRemote(remote.NewGoRedisV9Adapter(goRedis(t))))...)
	once := func(key string, load func() (any, error)) (int, error) {
		var value string
		err := items.Once(ctx, key, cache.Value(&value), cache.TTL(ttl),
			cache.Do(func(context.Context) (any, error) { return load() }))
		return len(value), err
	}
	return contender{
		set: func(key, value string) error {
			return items.Set(ctx, key, cache.Value(value), cache.TTL(ttl))
		},
		hit: func(key string) (int, error) {
			return once(key, func() (any, error) { return nil, errMiss })
		},
		renew: func(key, value string) error {
			if err := items.Delete(ctx, key); err != nil {
				return err
			}
			_, err := once(key, func() (any, error) { return value, nil })
			return err
		},
		fetch: func(key string, load func() string) error {
			_, err := once(key, func() (any, error) { return load(), nil })
			return err
		},
	}, nil
}
