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
	cache     *C.rcache
	queue     *C.rcache_queue
	file      *os.File // a descriptor of our own for the queue's
	readable  syscall.RawConn
	calls     slab
	gathering gatherer
	draining  sync.Mutex
	events    *C.rcache_event // C's memory: of ours, cgo would look for pointers in it on every call
	calling   [eventsMax]*call
	spent     [eventsMax]*C.rcache_result
	helping   bool        // ops are done when they are begun, as a rule: who begins them also drains
	alone     int64       // calls that may wait on threads of their own
	refresh   func(error) // is told of loads that failed behind their call
}

// newPump takes the cache over on success.
func newPump(cache *C.rcache, helping bool, refresh func(error)) (*pump, error) {
	p := &pump{cache: cache, helping: helping, alone: aloneMax(helping), refresh: refresh}
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

func (p *pump) leave(count int) {
	if p.calls.leave(count) {
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
	events, ended := unsafe.Slice(p.events, count), 0
	p.calls.mutex.Lock()
	for i, event := range events {
		if event.kind != C.RCACHE_EVENT_DONE {
			p.calling[i] = p.calls.calls[event.tag]
		} else {
			p.calling[i] = p.calls.take(uint64(event.tag))
			ended++
		}
	}
	p.calls.mutex.Unlock()
	spent := 0
	for i, event := range events {
		if p.dispatch(p.calling[i], event) {
			p.spent[spent] = event.result
			spent++
		}
		p.calling[i] = nil
	}
	if spent > 0 {
		C.bridge_free_results(&p.spent[0], C.size_t(spent))
	}
	p.leave(ended)
	return count
}

// dispatch is true where the event's result is to be freed.
func (p *pump) dispatch(call *call, event C.rcache_event) (spent bool) {
	if event.kind != C.RCACHE_EVENT_DONE {
		call.goOn(&event)
		return false
	}
	p.refreshBehind(call, event.load)
	return call.finish(event)
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
