package main

import (
	"errors"
	"time"
)

const ttl = time.Hour

// A contender is a client as its users would call it; nil is what it can't do.
type contender struct {
	set   func(key, value string) error
	hit   func(key string) (int, error) // the size of what is there; never loads
	batch func(keys []string) (int, error)
	// renew tags as deleted, or deletes, and fetches, strongly where there is a choice, what load returns.
	renew func(key, value string) error
	fetch func(key string, load func() string) error
}

// contenders are all that were built in; a file that needs a module of its own adds itself.
var contenders = map[string]func(task) (contender, error){
	"resilicache":    newResilicache,
	"rockscache":     newRockscache,
	"rueidis":        newRueidis,
	"go-redis":       newGoRedis,
	"go-redis-hmget": newGoRedisHash,
	"go-redis-cache": newGoRedisCache,
}

var errMiss = errors.New("a miss where there has to be a hit")
