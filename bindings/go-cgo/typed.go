package resilicache

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// A TypedCache is a [Cache] of values of one type, kept as JSON.
//
// What is not there is the zero value.  Where that is also a value, use a pointer type: nil is "not there" then, as
// what is returned and as what a loader returns.  A loader of another type says so with [ErrAbsent].
type TypedCache[T any] struct {
	cache *Cache
}

// NewTypedCache is another view of the cache, which stays the caller's to close.
func NewTypedCache[T any](cache *Cache) *TypedCache[T] {
	return &TypedCache[T]{cache}
}

var null = []byte("null")

// encode is nil for what JSON calls null.
func encode[T any](value T) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("resilicache: %w", err)
	}
	if bytes.Equal(text, null) {
		return nil, nil
	}
	return text, nil
}

func decode[T any](text []byte, failure error) (value T, err error) {
	if text == nil || failure != nil {
		return value, failure
	}
	if err = json.Unmarshal(text, &value); err != nil {
		err = fmt.Errorf("resilicache: what is cached is no %T: %w", value, err)
	}
	return value, err
}

// Set is [Cache.Set].
func (c *TypedCache[T]) Set(ctx context.Context, key string, value T, ttl time.Duration) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("resilicache: %w", err)
	}
	return c.cache.Set(ctx, key, text, ttl)
}

// Get is [Cache.Get].
func (c *TypedCache[T]) Get(ctx context.Context, key string) (T, error) {
	return decode[T](c.cache.Get(ctx, key))
}

// Delete is [Cache.Delete].
func (c *TypedCache[T]) Delete(ctx context.Context, keys ...string) error {
	return c.cache.Delete(ctx, keys...)
}

// FetchSingle is [Cache.FetchSingle].
func (c *TypedCache[T]) FetchSingle(ctx context.Context, key string, ttl time.Duration,
	load func() (T, error)) (T, error) {
	return decode[T](c.cache.FetchSingle(ctx, key, ttl, func() ([]byte, error) {
		value, err := load()
		if err != nil {
			return nil, err
		}
		return encode(value)
	}))
}

// FetchBatch is [Cache.FetchBatch].
func (c *TypedCache[T]) FetchBatch(ctx context.Context, keys []string, ttl time.Duration,
	load func(idxs []int) (map[int]T, error)) (map[int]T, error) {
	texts, err := c.cache.FetchBatch(ctx, keys, ttl, func(idxs []int) (map[int][]byte, error) {
		found, err := load(idxs)
		if err != nil {
			return nil, err
		}
		return encodeAll(found)
	})
	values := make(map[int]T, len(texts))
	for i, text := range texts {
		value, failure := decode[T](text, nil)
		if failure == nil {
			values[i] = value
		} else if err == nil {
			err = failure
		}
	}
	return values, err
}

func encodeAll[T any](values map[int]T) (map[int][]byte, error) {
	texts := make(map[int][]byte, len(values))
	for i, value := range values {
		text, err := encode(value)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

// TagAsDeletedSingle is [Cache.TagAsDeletedSingle].
func (c *TypedCache[T]) TagAsDeletedSingle(ctx context.Context, key string) error {
	return c.cache.TagAsDeletedSingle(ctx, key)
}

// TagAsDeletedBatch is [Cache.TagAsDeletedBatch].
func (c *TypedCache[T]) TagAsDeletedBatch(ctx context.Context, keys []string) error {
	return c.cache.TagAsDeletedBatch(ctx, keys)
}

// RawGet is [Cache.RawGet].
func (c *TypedCache[T]) RawGet(ctx context.Context, key string) (T, error) {
	return decode[T](c.cache.RawGet(ctx, key))
}

// RawSet is [Cache.RawSet].
func (c *TypedCache[T]) RawSet(ctx context.Context, key string, value T, ttl time.Duration) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("resilicache: %w", err)
	}
	return c.cache.RawSet(ctx, key, text, ttl)
}

// LockForUpdate is [Cache.LockForUpdate].
func (c *TypedCache[T]) LockForUpdate(ctx context.Context, key, owner string) error {
	return c.cache.LockForUpdate(ctx, key, owner)
}

// UnlockForUpdate is [Cache.UnlockForUpdate].
func (c *TypedCache[T]) UnlockForUpdate(ctx context.Context, key, owner string) error {
	return c.cache.UnlockForUpdate(ctx, key, owner)
}
