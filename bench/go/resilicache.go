package main

import (
	resilicache "github.com/resilicache/resilicache/bindings/go-cgo"
)

func newResilicache(t task) (contender, error) {
	cache, err := resilicache.NewCache(t.url, resilicache.NewDefaultOptions())
	if err != nil {
		return contender{}, err
	}
	strong := resilicache.Strong(ctx)
	miss := func() ([]byte, error) { return nil, errMiss }
	missMany := func([]int) (map[int][]byte, error) { return nil, errMiss }
	return contender{
		set: func(key, value string) error { return cache.Set(ctx, key, []byte(value), ttl) },
		hit: func(key string) (int, error) {
			value, err := cache.FetchSingle(ctx, key, ttl, miss)
			return len(value), err
		},
		batch: func(keys []string) (int, error) {
			values, err := cache.FetchBatch(ctx, keys, ttl, missMany)
			return len(values), err
		},
		renew: func(key, value string) error {
			if err := cache.TagAsDeletedSingle(ctx, key); err != nil {
				return err
			}
			_, err := cache.FetchSingle(strong, key, ttl, func() ([]byte, error) { return []byte(value), nil })
			return err
		},
		fetch: func(key string, load func() string) error {
			_, err := cache.FetchSingle(ctx, key, ttl, func() ([]byte, error) { return []byte(load()), nil })
			return err
		},
	}, nil
}
