package main

import (
	"context"
	"strings"
	"time"

	"github.com/dtm-labs/rockscache"
	"github.com/redis/go-redis/v9"
	resilicache "github.com/resilicache/resilicache/bindings/go-cgo"
)

const bound = time.Second // delay and lease, of both

var caches = map[string]func(url string) (cache, error){
	"resilicache":        func(url string) (cache, error) { return ours(url, false) },
	"resilicache-strong": func(url string) (cache, error) { return ours(url, true) },
	"rockscache":         func(url string) (cache, error) { return theirs(url, false) },
	"rockscache-strong":  func(url string) (cache, error) { return theirs(url, true) },
}

func ours(url string, strong bool) (cache, error) {
	options := resilicache.NewDefaultOptions()
	options.Delay, options.LockExpire, options.StrongConsistency = bound, bound, strong
	options.Extra = map[string]string{"op_timeout": "500ms", "connect_timeout": "500ms", "deadline": "5s"}
	opened, err := resilicache.NewCache(url, options)
	if err != nil {
		return cache{}, err
	}
	ctx := context.Background()
	return cache{
		fetch: func(key string, load func() (string, error)) (string, error) {
			value, err := opened.FetchSingle(ctx, key, ttl, func() ([]byte, error) {
				loaded, err := load()
				if err != nil {
					return nil, err
				}
				return []byte(loaded), nil
			})
			return string(value), err
		},
		invalidate: func(key string) error { return opened.TagAsDeletedSingle(ctx, key) },
	}, nil
}

func theirs(url string, strong bool) (cache, error) {
	rdb := redis.NewClient(&redis.Options{Addr: strings.TrimPrefix(url, "redis://"), DialTimeout: timeout,
		ReadTimeout: timeout, WriteTimeout: timeout})
	options := rockscache.NewDefaultOptions()
	options.Delay, options.LockExpire, options.StrongConsistency = bound, bound, strong
	opened := rockscache.NewClient(rdb, options)
	return cache{
		fetch: func(key string, load func() (string, error)) (string, error) {
			return opened.Fetch(key, ttl, load)
		},
		invalidate: opened.TagAsDeleted,
	}, nil
}
