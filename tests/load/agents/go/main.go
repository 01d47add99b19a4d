// Workers under load that ask the judge by lines:  agent URL SEED KEYS...
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/resilicache/resilicache/bindings/go-cgo"
)

const (
	workers  = 4
	ttl      = time.Minute
	deadline = 5 * time.Second
	pause    = 50 * time.Millisecond
)

// A judge answers each line with one; one at a time.
type judge struct {
	mutex sync.Mutex
	input *bufio.Scanner
}

func (j *judge) ask(words ...string) string {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	fmt.Println(strings.Join(words, " "))
	if !j.input.Scan() {
		return "stop"
	}
	return j.input.Text()
}

func (j *judge) close(number string, value []byte, err error) bool {
	if err != nil {
		j.ask("fail", number, strings.ReplaceAll(err.Error(), "\n", " "))
		time.Sleep(pause)
		return false
	}
	j.ask("end", number, string(value))
	return true
}

// A worker has a cache of each kind; what it is asked for it does, until it is told to stop.
type worker struct {
	*judge
	caches map[string]*resilicache.Cache
	chance *rand.Rand
	keys   []string
}

func (w *worker) fetch(what, key string) bool {
	number := w.ask("begin", what, key)
	if number == "stop" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	value, err := w.caches[what].FetchSingle(ctx, key, ttl, func() ([]byte, error) {
		return []byte(w.ask("read", key)), nil
	})
	w.close(number, value, err)
	return true
}

func (w *worker) write(key string) bool {
	version := w.ask("commit", key)
	number := w.ask("begin", "invalidate", key)
	if number == "stop" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if w.close(number, nil, w.caches["eventual"].TagAsDeletedSingle(ctx, key)) {
		w.ask("acknowledge", key, version)
	}
	return true
}

func (w *worker) run() {
	for going := true; going; {
		key := w.keys[w.chance.Intn(len(w.keys))]
		switch chance := w.chance.Intn(100); {
		case chance < 15:
			going = w.write(key)
		case chance < 60:
			going = w.fetch("strong", key)
		default:
			going = w.fetch("eventual", key)
		}
	}
}

func open(url string, strong bool) *resilicache.Cache {
	options := resilicache.NewDefaultOptions()
	options.StrongConsistency = strong
	cache, err := resilicache.NewCache(url, options)
	if err != nil {
		log.Fatal(err)
	}
	return cache
}

func main() {
	url, keys := os.Args[1], os.Args[3:]
	seed, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	asked := &judge{input: bufio.NewScanner(os.Stdin)}
	caches := map[string]*resilicache.Cache{"strong": open(url, true), "eventual": open(url, false)}
	var group sync.WaitGroup
	for i := range workers {
		w := &worker{asked, caches, rand.New(rand.NewSource(seed + int64(i))), keys}
		group.Add(1)
		go func() {
			defer group.Done()
			w.run()
		}()
	}
	group.Wait()
	for _, cache := range caches {
		cache.Close()
	}
}
