package main

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A sample is what the driver reads.
type sample struct {
	Ops     int64   `json:"ops"`
	Seconds float64 `json:"seconds"`
	User    float64 `json:"user"`
	System  float64 `json:"system"`
	P50     float64 `json:"p50_us,omitempty"`
	P99     float64 `json:"p99_us,omitempty"`
	Loads   int64   `json:"loads,omitempty"`
	Begin   int64   `json:"begin_ns,omitempty"` // of a stampede: comparable between processes
	End     int64   `json:"end_ns,omitempty"`
	Failed  string  `json:"failed,omitempty"`
}

// latencies counts by powers of two, each in sixteen parts.
type latencies [64 * 16]int64

func (l *latencies) add(duration time.Duration) {
	nanoseconds := uint64(max(duration, 16))
	exponent := bits.Len64(nanoseconds) - 1
	l[exponent*16+int(nanoseconds>>(exponent-4))&15]++
}

func (l *latencies) join(other *latencies) {
	for i, count := range other {
		l[i] += count
	}
}

// microseconds is the upper bound of the part in which that share of all ends.
func (l *latencies) microseconds(share float64) float64 {
	total := int64(0)
	for _, count := range l {
		total += count
	}
	left := int64(share * float64(total))
	for i, count := range l {
		if left -= count; left < 0 {
			return float64((uint64(16+i%16)+1)<<(i/16)) / 16 / 1000
		}
	}
	return 0
}

func processorTime() (user, system float64) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano()).Seconds(), time.Duration(usage.Stime.Nano()).Seconds()
}

// A caller does one op after another; which, it chooses by its own random number.
type caller func(random uint32) (ops int, err error)

// closedLoops runs them at once, each for that long.
func closedLoops(callers []caller, duration time.Duration) sample {
	var everyone sync.WaitGroup
	var stop atomic.Bool
	var failed atomic.Pointer[error]
	var mutex sync.Mutex
	var total latencies
	var ops int64
	user, system := processorTime()
	begin := time.Now()
	for number, call := range callers {
		everyone.Add(1)
		go func() {
			defer everyone.Done()
			own, count := new(latencies), int64(0)
			for state := uint32(number)*2654435761 + 1; !stop.Load(); {
				state = state*1664525 + 1013904223
				start := time.Now()
				done, err := call(state >> 8)
				if err != nil {
					failed.Store(&err)
					break
				}
				own.add(time.Since(start))
				count += int64(done)
			}
			mutex.Lock()
			defer mutex.Unlock()
			total.join(own)
			ops += count
		}()
	}
	timer := time.AfterFunc(duration, func() { stop.Store(true) })
	everyone.Wait()
	timer.Stop()
	seconds := time.Since(begin).Seconds()
	userEnd, systemEnd := processorTime()
	result := sample{Ops: ops, Seconds: seconds, User: userEnd - user, System: systemEnd - system,
		P50: total.microseconds(0.5), P99: total.microseconds(0.99)}
	if err := failed.Load(); err != nil {
		result.Failed = (*err).Error()
	}
	return result
}
