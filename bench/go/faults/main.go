// One process of a contender's in Go:  faults URL CONTENDER ROWS KEYS READERS NUMBER
//
// It does what ../../faults/agent.py does, which has the words for it.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math/rand"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	ttl        = time.Minute
	timeout    = 500 * time.Millisecond
	loadTime   = 5 * time.Millisecond
	longLoad   = 2500 * time.Millisecond
	longLoads  = 1.0 / 8
	readPause  = 4 * time.Millisecond
	writePause = 50 * time.Millisecond
)

const (
	failing = 1
	pausing = 2
)

// rows are the database: a file of numbers that all processes have mapped, the first of which says how it is.
type rows []int64

func openRows(path string, keys int) (rows, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	bytes, err := syscall.Mmap(int(file.Fd()), 0, 8*(keys+1), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*int64)(unsafe.Pointer(&bytes[0])), keys+1), nil
}

func (r rows) state() int64        { return atomic.LoadInt64(&r[0]) }
func (r rows) read(key int) int64  { return atomic.LoadInt64(&r[1+key]) }
func (r rows) write(key int) int64 { return atomic.AddInt64(&r[1+key], 1) }
func now() int64                   { return time.Now().UnixNano() }
func nameOf(key int) string        { return fmt.Sprintf("row:%d", key) }

func number(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}

// A cache is a contender as its users would call it.
type cache struct {
	fetch      func(key string, load func() (string, error)) (string, error)
	invalidate func(key string) error
}

// What happened is lists of numbers, whose order agent.py has.
type happened struct {
	Reads    [][4]int64     `json:"reads"`
	Writes   [][5]int64     `json:"writes"`
	Loads    [][3]int64     `json:"loads"`
	Failures map[string]int `json:"failures"`
}

type agent struct {
	cache
	rows           rows
	keys           int
	readers, first int
	mutex          sync.Mutex
	happened       happened
	hushed, stop   chan struct{}
	hushing        sync.Once
	group          sync.WaitGroup
}

var (
	errLoad = errors.New("the load failed")
	digits  = regexp.MustCompile(`\d+`)
)

func (a *agent) load(key int) (string, error) {
	begin, version := now(), a.rows.read(key)
	if a.rows.state() == pausing && rand.Float64() < longLoads {
		time.Sleep(longLoad)
	} else {
		time.Sleep(loadTime)
	}
	a.mutex.Lock()
	a.happened.Loads = append(a.happened.Loads, [3]int64{begin, now(), int64(key)})
	a.mutex.Unlock()
	if a.rows.state() == failing {
		return "", errLoad
	}
	return strconv.FormatInt(version, 10), nil
}

func (a *agent) failed(err error) {
	words := digits.ReplaceAllString(err.Error(), "#")
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.happened.Failures[words[:min(len(words), 200)]]++
}

func (a *agent) fetchOne(key int) int64 {
	value, err := a.fetch(nameOf(key), func() (string, error) { return a.load(key) })
	version := int64(-1)
	if err == nil {
		version, err = strconv.ParseInt(value, 10, 64)
	}
	if err != nil {
		a.failed(err)
		return -1
	}
	return version
}

func (a *agent) read() {
	for {
		select {
		case <-a.stop:
			return
		case <-time.After(readPause):
		}
		key, begin := rand.Intn(a.keys), now()
		version := a.fetchOne(key)
		end := now()
		a.mutex.Lock()
		a.happened.Reads = append(a.happened.Reads, [4]int64{begin, end, int64(key), version})
		a.mutex.Unlock()
	}
}

func (a *agent) write() {
	for {
		select {
		case <-a.hushed:
			return
		case <-time.After(writePause):
		}
		key := a.first + 2*rand.Intn((a.keys-a.first+1)/2)
		version, begin := a.rows.write(key), now()
		err := a.invalidate(nameOf(key))
		end := now()
		if err != nil {
			a.failed(err)
		}
		a.mutex.Lock()
		a.happened.Writes = append(a.happened.Writes, [5]int64{begin, end, int64(key), version, number(err == nil)})
		a.mutex.Unlock()
	}
}

func (a *agent) begin(work func()) {
	a.group.Add(1)
	go func() {
		defer a.group.Done()
		work()
	}()
}

// do what a line asks for; nil is no answer.
func (a *agent) do(line string) any {
	switch line {
	case "go":
		for range a.readers {
			a.begin(a.read)
		}
		a.begin(a.write)
	case "hush":
		a.hushing.Do(func() { close(a.hushed) })
	case "stop":
		a.hushing.Do(func() { close(a.hushed) })
		close(a.stop)
		a.group.Wait()
		a.mutex.Lock()
		defer a.mutex.Unlock()
		return a.happened
	case "look":
		versions := make([]int64, a.keys)
		for key := range versions {
			versions[key] = a.fetchOne(key)
		}
		return map[string]any{"versions": versions}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 7 {
		log.Fatal("usage: faults URL CONTENDER ROWS KEYS READERS NUMBER")
	}
	numbers := make([]int, 3)
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.Atoi(os.Args[4+i]); err != nil {
			log.Fatal(err)
		}
	}
	database, err := openRows(os.Args[3], numbers[0])
	if err != nil {
		log.Fatal(err)
	}
	open, ok := caches[os.Args[2]]
	if !ok {
		log.Fatalf("%s is not built in", os.Args[2])
	}
	opened, err := open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	a := &agent{cache: opened, rows: database, keys: numbers[0], readers: numbers[1], first: numbers[2],
		hushed: make(chan struct{}), stop: make(chan struct{})}
	a.happened.Failures = map[string]int{}
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if answer := a.do(lines.Text()); answer != nil {
			json.NewEncoder(os.Stdout).Encode(answer)
		}
	}
}
