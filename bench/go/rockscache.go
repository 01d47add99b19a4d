package main

import (
	"github.com/dtm-labs/rockscache"
	"github.com/redis/go-redis/v9"
)

func newRockscache(t task) (contender, error) {
	rdb := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: t.addresses()})
	eventual := rockscache.NewClient(rdb, rockscache.NewDefaultOptions())
	options := rockscache.NewDefaultOptions()
	options.StrongConsistency = true
	strong := rockscache.NewClient(rdb, options)
	miss := func() (string, error) { return "", errMiss }
	missMany := func([]int) (map[int]string, error) { return nil, errMiss }
	return contender{
		set: func(key, value string) error {
			_, err := eventual.Fetch2(ctx, key, ttl, func() (string, error) { return value, nil })
			return err
		},
		hit: func(key string) (int, error) {
			value, err := eventual.Fetch2(ctx, key, ttl, miss)
			return len(value), err
		},
		batch: func(keys []string) (int, error) {
			values, err := eventual.FetchBatch2(ctx, keys, ttl, missMany)
			return len(values), err
		},
		renew: func(key, value string) error {
			if err := strong.TagAsDeleted2(ctx, key); err != nil {
				return err
			}
			_, err := strong.Fetch2(ctx, key, ttl, func() (string, error) { return value, nil })
			return err
		},
		fetch: func(key string, load func() string) error {
			_, err := eventual.Fetch2(ctx, key, ttl, func() (string, error) { return load(), nil })
			return err
		},
	}, nil
}
