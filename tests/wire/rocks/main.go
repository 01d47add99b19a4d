// Rocks drives a real rockscache client: one JSON command a line on stdin, JSON answers and events on stdout.
//
//	{"id": 1, "op": "fetch", "key": "k", "strong": true, "value": "dg==", "held": true, "lock_ms": 3000}
//	{"id": 1, "event": "asked"}       each time that it asks the server
//	{"id": 1, "event": "loading"}     its loader was called; held: goes on when the command "answer" comes
//	{"id": 1, "event": "done", "value": "dg==", "error": ""}
//
// Values are base64, for they may have any bytes.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/dtm-labs/rockscache"
	"github.com/redis/go-redis/v9"
)

type command struct {
	ID     int    `json:"id"`
	Op     string `json:"op"`
	Key    string `json:"key"`
	Owner  string `json:"owner"`
	Strong bool   `json:"strong"`
	TTL    int    `json:"ttl"`     // seconds
	LockMS int    `json:"lock_ms"` // the option LockExpire
	Value  []byte `json:"value"`   // what the loader returns
	Fails  bool   `json:"fails"`   // the loader returns an error instead
	Held   bool   `json:"held"`    // the loader waits for the command "answer" with the same id
}

type event struct {
	ID    int    `json:"id"`
	Event string `json:"event"`
	Value []byte `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

var output struct {
	sync.Mutex
	*json.Encoder
}

func tell(told event) {
	output.Lock()
	defer output.Unlock()
	if err := output.Encode(told); err != nil {
		os.Exit(1) // nobody listens any more
	}
}

type commandID struct{}

// asking tells of each script that a command sends.
type asking struct{}

func (asking) DialHook(next redis.DialHook) redis.DialHook { return next }

func (asking) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook { return next }

func (asking) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if id, ok := ctx.Value(commandID{}).(int); ok {
			tell(event{ID: id, Event: "asked"})
		}
		return err
	}
}

var answers sync.Map // from the id of a held fetch to the channel that lets its loader go on

func (c command) load() (string, error) {
	tell(event{ID: c.ID, Event: "loading"})
	if held, ok := answers.Load(c.ID); ok {
		<-held.(chan struct{})
	}
	if c.Fails {
		return "", errors.New("the loader failed")
	}
	return string(c.Value), nil
}

// client is one per command: fetches of one client would join each other, before the server sees them.
func (c command) client(rdb *redis.Client) *rockscache.Client {
	options := rockscache.NewDefaultOptions()
	options.StrongConsistency = c.Strong
	options.LockSleep = 10 * time.Millisecond
	options.RandomExpireAdjustment = 0
	if c.LockMS > 0 {
		options.LockExpire = time.Duration(c.LockMS) * time.Millisecond
	}
	return rockscache.NewClient(rdb, options)
}

func (c command) run(rdb *redis.Client) (value string, err error) {
	ctx := context.WithValue(context.Background(), commandID{}, c.ID)
	client := c.client(rdb)
	switch c.Op {
	case "fetch":
		return client.Fetch2(ctx, c.Key, time.Duration(c.TTL)*time.Second, c.load)
	case "tag_as_deleted":
		return "", client.TagAsDeleted2(ctx, c.Key)
	case "lock":
		return "", client.LockForUpdate(ctx, c.Key, c.Owner)
	case "unlock":
		return "", client.UnlockForUpdate(ctx, c.Key, c.Owner)
	case "raw_get":
		return client.RawGet(ctx, c.Key)
	case "raw_set":
		return "", client.RawSet(ctx, c.Key, string(c.Value), time.Duration(c.TTL)*time.Second)
	}
	return "", fmt.Errorf("no such op: %q", c.Op)
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: rocks PORT")
		os.Exit(2)
	}
	output.Encoder = json.NewEncoder(os.Stdout)
	rdb := redis.NewClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", os.Args[1]), PoolSize: 32})
	rdb.AddHook(asking{})
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		if c.Op == "answer" {
			if held, ok := answers.LoadAndDelete(c.ID); ok {
				close(held.(chan struct{}))
			}
			continue
		}
		if c.Held {
			answers.Store(c.ID, make(chan struct{}))
		}
		go func() {
			value, err := c.run(rdb)
			done := event{ID: c.ID, Event: "done", Value: []byte(value)}
			if err != nil {
				done.Error = err.Error()
			}
			tell(done)
		}()
	}
}
