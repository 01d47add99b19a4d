package main

import (
	"log"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// workloadOf is what to run for each line that the driver sends.  Its connections stand when it returns.
func workloadOf(t task, c contender) func(line string) sample {
	switch t.workload {
	case "prepare":
		return func(string) sample { return prepare(t, c) }
	case "hit":
		return warmed(t, hits(t, c))
	case "batch":
		return warmed(t, batches(t, c))
	case "renew":
		return warmed(t, renewals(t, c))
	case "stampede":
		stampede(t, c, "warm") // loads it, and connects
		return func(line string) sample { return stampede(t, c, line) }
	}
	log.Fatalf("no workload %q: prepare, hit, batch, renew or stampede", t.workload)
	return nil
}

func warmed(t task, callers []caller) func(string) sample {
	if first := closedLoops(callers, t.duration(0.2)); first.Failed != "" {
		log.Fatal(t.contender, ": ", first.Failed)
	}
	return func(string) sample { return closedLoops(callers, t.duration(1)) }
}

// each caller has the same thing to do.
func each(t task, call caller) []caller {
	callers := make([]caller, t.callers)
	for i := range callers {
		callers[i] = call
	}
	return callers
}

func prepare(t task, c contender) sample {
	names, value := t.names(), t.value()
	var next atomic.Int64
	done := closedLoopsUntil(t, func() (bool, error) {
		i := int(next.Add(1)) - 1
		if i >= len(names) {
			return false, nil
		}
		return true, c.set(names[i], value)
	})
	done.Ops = int64(len(names))
	return done
}

func closedLoopsUntil(t task, call func() (more bool, err error)) sample {
	var everyone sync.WaitGroup
	var failed atomic.Pointer[error]
	begin := time.Now()
	for range t.callers {
		everyone.Add(1)
		go func() {
			defer everyone.Done()
			for more, err := true, error(nil); more; {
				if more, err = call(); err != nil {
					failed.Store(&err)
					return
				}
			}
		}()
	}
	everyone.Wait()
	result := sample{Seconds: time.Since(begin).Seconds()}
	if err := failed.Load(); err != nil {
		result.Failed = (*err).Error()
	}
	return result
}

func check(t task, size int, err error) error {
	if err == nil && size != t.size {
		return errMiss
	}
	return err
}

func hits(t task, c contender) []caller {
	names := t.names()
	if t.url == "memory://" { // what another process has prepared is not there
		if done := prepare(t, c); done.Failed != "" {
			log.Fatal(done.Failed)
		}
	}
	return each(t, func(random uint32) (int, error) {
		size, err := c.hit(names[int(random)%len(names)])
		return 1, check(t, size, err)
	})
}

func batches(t task, c contender) []caller {
	names := t.names()
	names = append(names, names...)
	return each(t, func(random uint32) (int, error) {
		begin := int(random) % t.keys
		count, err := c.batch(names[begin : begin+t.batch])
		if err == nil && count != t.batch {
			err = errMiss
		}
		return count, err
	})
}

// renewals are of keys that each caller has for itself.
func renewals(t task, c contender) []caller {
	value, callers := t.value(), make([]caller, t.callers)
	for i := range callers {
		key := t.key("own:" + strconv.Itoa(i))
		callers[i] = func(uint32) (int, error) { return 1, c.renew(key, value) }
	}
	return callers
}

// stampede lets all callers want one key at once, which takes 50 ms to load where it is not there.
func stampede(t task, c contender, name string) sample {
	var loads atomic.Int64
	var everyone sync.WaitGroup
	var failed atomic.Pointer[error]
	value, key := t.value(), t.key(name)
	load := func() string {
		loads.Add(1)
		time.Sleep(50 * time.Millisecond)
		return value
	}
	user, system := processorTime()
	begin := time.Now().UnixNano()
	for range t.callers {
		everyone.Add(1)
		go func() {
			defer everyone.Done()
			if err := c.fetch(key, load); err != nil {
				failed.Store(&err)
			}
		}()
	}
	everyone.Wait()
	end := time.Now().UnixNano()
	userEnd, systemEnd := processorTime()
	result := sample{Ops: int64(t.callers), Seconds: float64(end-begin) / 1e9, User: userEnd - user,
		System: systemEnd - system, Loads: loads.Load(), Begin: begin, End: end}
	if err := failed.Load(); err != nil {
		result.Failed = (*err).Error()
	}
	return result
}
