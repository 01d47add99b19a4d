package resilicache

// #cgo noescape bridge_submit
// #cgo nocallback bridge_submit
// #cgo nocallback rcache_queue_drain
// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const eventsMax = 64

// A pump carries events from the queue of C to those who wait for them.  One goroutine of it waits for the queue's
// descriptor by way of the netpoller, so that calls and loads cost no threads.
type pump struct {
	cache    *C.rcache
	queue    *C.rcache_queue
	file     *os.File // a descriptor of our own for the queue's
	readable syscall.RawConn
	calls    slab
	draining sync.Mutex
	events   *C.rcache_event // C's memory: of ours, cgo would look for pointers in it on every call
	helping  bool            // ops are done when they are begun, as a rule: who begins them also drains
	refresh  func(error)     // is told of loads that failed behind their call
}

// newPump takes the cache over on success.
func newPump(cache *C.rcache, helping bool, refresh func(error)) (*pump, error) {
	p := &pump{cache: cache, helping: helping, refresh: refresh}
	var failure C.rcache_error
	if C.rcache_queue_new(cache, &p.queue, &failure) != C.RCACHE_OK {
		return nil, errorOf(&failure)
	}
	if err := p.watch(); err != nil {
		C.rcache_queue_free(p.queue)
		return nil, err
	}
	p.events = (*C.rcache_event)(C.calloc(eventsMax, C.sizeof_rcache_event))
	if p.events == nil {
		p.file.Close()
		C.rcache_queue_free(p.queue)
		return nil, ErrNoMemory
	}
	go p.run()
	return p, nil
}

func (p *pump) watch() error {
	descriptor, err := C.bridge_descriptor(p.queue)
	if descriptor < 0 {
		return os.NewSyscallError("fcntl", err)
	}
	p.file = os.NewFile(uintptr(descriptor), "resilicache queue")
	if p.readable, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
	}
	return err
}

func (p *pump) run() {
	for !p.calls.deserted() {
		err := p.readable.Read(func(uintptr) bool { return p.drain() > 0 || p.calls.deserted() })
		if err != nil { // woken: there may be nothing more to wait for
			p.file.SetReadDeadline(time.Time{})
		}
	}
	p.file.Close()
	C.rcache_queue_free(p.queue)
	C.free(unsafe.Pointer(p.events))
}

// close ends all calls; the pump stops after the last of them.
func (p *pump) close() {
	if p.calls.close() {
		C.rcache_close(p.cache) // the queue keeps its memory for those who are still in
		p.wake()
	}
}

func (p *pump) leave() {
	if p.calls.leave() {
		p.wake()
	}
}

// wake makes the pump look whether it is over.
func (p *pump) wake() {
	p.file.SetReadDeadline(time.Unix(1, 0))
}

func (p *pump) drain() (count int) {
	p.draining.Lock()
	defer p.draining.Unlock()
	for {
		drained := p.drainSome()
		count += drained
		if drained < eventsMax {
			return count
		}
	}
}

// help drains in the pump's place, unless somebody does.  What is left is the pump's: it was woken for it.
func (p *pump) help() {
	if p.draining.TryLock() {
		p.drainSome()
		p.draining.Unlock()
	}
}

func (p *pump) drainSome() int {
	count := int(C.rcache_queue_drain(p.queue, p.events, eventsMax))
	for _, event := range unsafe.Slice(p.events, count) {
		p.dispatch(event)
	}
	return count
}

func (p *pump) dispatch(event C.rcache_event) {
	if event.kind == C.RCACHE_EVENT_LOAD {
		call := p.calls.get(uint64(event.tag))
		go call.produce.work(event.load, call.report)
		return
	}
	call := p.calls.take(uint64(event.tag))
	call.finish(event)
	p.refreshBehind(call, event.load)
	p.leave()
}

// refreshBehind does the load that a call's end may bring.
func (p *pump) refreshBehind(call *call, load *C.rcache_load) {
	if load != nil {
		go call.produce.work(load, p.reportRefresh)
	}
}

func (p *pump) reportRefresh(failure error) {
	if failure != nil && p.refresh != nil {
		p.refresh(failure)
	}
}
