// The benchmark's worker in Go:  worker URL CONTENDER WORKLOAD CALLERS SIZE KEYS BATCH SECONDS
//
// It says "ready" when its connections stand, measures once for each line that it is told, and prints a line of JSON.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

// A task is what the command line asks for.
type task struct {
	url, contender, workload   string
	callers, size, keys, batch int
	seconds                    float64
}

func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		log.Fatalf("%q is no number: URL CONTENDER WORKLOAD CALLERS SIZE KEYS BATCH SECONDS", text)
	}
	return value
}

func taskOf(words []string) task {
	if len(words) != 8 {
		log.Fatal("usage: worker URL CONTENDER WORKLOAD CALLERS SIZE KEYS BATCH SECONDS")
	}
	count := func(text string) int { return int(number(text)) }
	return task{words[0], words[1], words[2], count(words[3]), count(words[4]), count(words[5]), count(words[6]),
		number(words[7])}
}

// addresses are those of redis://host:port and of redis+cluster://host:port,host:port.
func (t task) addresses() []string {
	_, rest, _ := strings.Cut(t.url, "://")
	return strings.Split(rest, ",")
}

func (t task) isCluster() bool {
	return strings.HasPrefix(t.url, "redis+cluster:")
}

// key has twelve digits, as redis-benchmark writes them.
func (t task) key(name string) string {
	return "bench:" + t.contender + ":" + strconv.Itoa(t.size) + ":" + name
}

func (t task) names() []string {
	names := make([]string, t.keys)
	for i := range names {
		names[i] = t.key(fmt.Sprintf("%012d", i))
	}
	return names
}

func (t task) value() string {
	letters := make([]byte, t.size)
	for i, state := 0, uint32(1); i < len(letters); i++ {
		state = state*1664525 + 1013904223
		letters[i] = 'a' + byte(state>>24)%26
	}
	return string(letters)
}

func (t task) duration(part float64) time.Duration {
	return time.Duration(t.seconds * part * float64(time.Second))
}

var ctx = context.Background()

func main() {
	log.SetFlags(0)
	task := taskOf(os.Args[1:])
	make, ok := contenders[task.contender]
	if !ok {
		log.Fatalf("%s is not built in", task.contender)
	}
	contender, err := make(task)
	if err != nil {
		log.Fatal(err)
	}
	run := workloadOf(task, contender)
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		json.NewEncoder(os.Stdout).Encode(run(lines.Text()))
	}
}
