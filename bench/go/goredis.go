package main

import (
	"github.com/go-redis/cache/v9"
	"github.com/redis/go-redis/v9"
)

func goRedis(t task) redis.UniversalClient {
	return redis.NewUniversalClient(&redis.UniversalOptions{Addrs: t.addresses()})
}

func newGoRedis(t task) (contender, error) {
	rdb := goRedis(t)
	return contender{
		set: func(key, value string) error { return rdb.Set(ctx, key, value, ttl).Err() },
		hit: func(key string) (int, error) {
			value, err := rdb.Get(ctx, key).Result()
			return len(value), err
		},
		batch: func(keys []string) (int, error) {
			commands, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				for _, key := range keys {
					pipe.Get(ctx, key)
				}
				return nil
			})
			return len(commands), err
		},
	}, nil
}

// newGoRedisHash reads the fields that an entry has, of a hash that has but a value.
func newGoRedisHash(t task) (contender, error) {
	rdb := goRedis(t)
	return contender{
		set: func(key, value string) error { return rdb.HSet(ctx, key, "value", value).Err() },
		hit: func(key string) (int, error) {
			fields, err := rdb.HMGet(ctx, key, "value", "lockUntil", "lockOwner").Result()
			if err != nil {
				return 0, err
			}
			value, _ := fields[0].(string)
			return len(value), nil
		},
		batch: func(keys []string) (int, error) {
			commands, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
				for _, key := range keys {
					pipe.HMGet(ctx, key, "value", "lockUntil", "lockOwner")
				}
				return nil
			})
			return len(commands), err
		},
	}, nil
}

func newGoRedisCache(t task) (contender, error) {
	items := cache.New(&cache.Options{Redis: goRedis(t)})
	once := func(key string, load func() (any, error)) (int, error) {
		var value []byte
		err := items.Once(&cache.Item{Ctx: ctx, Key: key, Value: &value, TTL: ttl,
			Do: func(*cache.Item) (any, error) { return load() }})
		return len(value), err
	}
	return contender{
		set: func(key, value string) error {
			return items.Set(&cache.Item{Ctx: ctx, Key: key, Value: []byte(value), TTL: ttl})
		},
		hit: func(key string) (int, error) {
			return once(key, func() (any, error) { return nil, errMiss })
		},
		renew: func(key, value string) error {
			if err := items.Delete(ctx, key); err != nil {
				return err
			}
			_, err := once(key, func() (any, error) { return []byte(value), nil })
			return err
		},
		fetch: func(key string, load func() string) error {
			_, err := once(key, func() (any, error) { return []byte(load()), nil })
			return err
		},
	}, nil
}
