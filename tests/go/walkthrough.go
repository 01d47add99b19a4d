// A program as it was written for resilicache-go: only its import and the line that makes the cache are of today.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/resilicache/resilicache/bindings/go-cgo"
)

func main() {
	cache, failure := resilicache.NewCache(os.Args[1], resilicache.NewDefaultOptions())
	if failure != nil {
		log.Fatalf("Error opening cache: %v", failure)
	}

	key := "user:01J61BPPHMFH9VSF2T1R2ZXDA2"
	err := cache.Set(context.Background(), key, []byte("tester"), time.Second*10)
	if err != nil {
		log.Fatalf("Error setting key: %v", err)
	}
	value, err := cache.Get(context.Background(), key)
	if err != nil {
		log.Fatalf("Error getting key: %v", err)
	}
	if value == nil {
		log.Fatalf("Error: value not found")
	}
	fmt.Println(string(value))

	err = cache.Delete(context.Background(), key)
	if err != nil {
		log.Fatalf("Error deleting key: %v", err)
	}
	value, err = cache.FetchSingle(context.Background(), key, time.Second*10, func() ([]byte, error) {
		return []byte("tester"), nil
	})
	if err != nil || string(value) != "tester" {
		log.Fatalf("Error fetching key: %q, %v", value, err)
	}
	err = cache.TagAsDeletedSingle(context.Background(), key)
	if err != nil {
		log.Fatalf("Error tagging key as deleted: %v", err)
	}

	keys := []string{
		"user:01J61C9MEMNXYKWJXNQ3ERQA1F",
		"user:01J61CH3XEVGKHGK3GKA7XJGF9",
		"user:01J61CHNPXZ65T9EZ3RSHJJDKV",
	}
	values, err := cache.FetchBatch(context.Background(), keys, time.Second*10, func(idxs []int) (map[int][]byte, error) {
		values := make(map[int][]byte)
		for _, i := range idxs {
			values[i] = []byte(fmt.Sprintf("tester_%d", i))
		}
		return values, nil
	})
	if err != nil {
		log.Fatalf("Error fetching keys: %v", err)
	}
	for _, v := range values {
		fmt.Println(string(v))
	}
	err = cache.TagAsDeletedBatch(context.Background(), keys)
	if err != nil {
		log.Fatalf("Error tagging keys as deleted: %v", err)
	}
}
