package resilicache_test

import (
	"context"
	"fmt"
	"log"
	"time"

	resilicache "github.com/resilicache/resilicache/bindings/go-cgo"
)

func Example() {
	cache, err := resilicache.NewCache("memory://", resilicache.NewDefaultOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	ctx := context.Background()

	value, err := cache.FetchSingle(ctx, "user:1", time.Minute, func() ([]byte, error) {
		return []byte("tester"), nil // from the database
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(value))

	if err := cache.TagAsDeletedSingle(ctx, "user:1"); err != nil { // the database has changed
		log.Fatal(err)
	}
	// Output: tester
}

func ExampleNewTypedCache() {
	type User struct{ Name string }
	cache, err := resilicache.NewCache("memory://", resilicache.NewDefaultOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()

	users := resilicache.NewTypedCache[User](cache)
	user, err := users.FetchSingle(context.Background(), "user:1", time.Minute, func() (User, error) {
		return User{Name: "Ada"}, nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(user.Name)
	// Output: Ada
}

func ExampleCache_UpdateWith() {
	cache, err := resilicache.NewCache("memory://", resilicache.NewDefaultOptions())
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close()
	ctx := context.Background()
	if err := cache.Set(ctx, "user:1", []byte("tester"), time.Minute); err != nil {
		log.Fatal(err)
	}

	intent := resilicache.UpdateTerms{Intent: true} // nobody is given "tester" while the transaction runs
	err = cache.UpdateWith(ctx, "user:1", intent, func(ctx context.Context, fence uint64) error {
		old, err := cache.Get(ctx, "user:1")
		fmt.Println(old == nil)
		return err // UPDATE ... SET fence = ? WHERE fence < ?
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: true
}
