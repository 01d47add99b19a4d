package resilicache

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var background = context.Background()

// testURL is memory://, or the server to test on, below a prefix of the test's own.
func testURL(t testing.TB) string {
	url := os.Getenv("RESILICACHE_TEST_URL")
	if url == "" {
		return "memory://"
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	return fmt.Sprintf("%s%sprefix=%s:%d:", url, separator, t.Name(), time.Now().UnixNano())
}

// open is a cache that the test's end closes.
func open(t testing.TB, options Options) *Cache {
	t.Helper()
	cache, err := NewCache(strings.ReplaceAll(testURL(t), "#", "%23"), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close() })
	return cache
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want is for what ...Get and Fetch... return; nil is what is not there.
func want(t testing.TB, value []byte, err error, expected any) {
	t.Helper()
	must(t, err)
	if text, ok := expected.(string); ok && (value == nil || string(value) != text) || expected == nil && value != nil {
		t.Fatalf("%q, expected %q", value, expected)
	}
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// A database has one row and counts how often it is read.
type database struct {
	row   atomic.Pointer[string]
	reads atomic.Int64
}

func newDatabase(row string) *database {
	db := &database{}
	db.row.Store(&row)
	return db
}

func (db *database) write(row string) { db.row.Store(&row) }

func (db *database) read() ([]byte, error) {
	db.reads.Add(1)
	return []byte(*db.row.Load()), nil
}

func spawn(group *sync.WaitGroup, work func()) {
	group.Add(1)
	go func() {
		defer group.Done()
		work()
	}()
}
