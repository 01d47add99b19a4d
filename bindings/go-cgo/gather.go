package resilicache

// #cgo noescape bridge_submit_all
// #cgo nocallback bridge_submit_all
// #include "bridge.h"
import "C"

import (
	"runtime"
	"sync"
	"unsafe"
)

// What is larger goes by itself, and isn't copied.
const gatheredBytesMax = 4096

// A gatherer lets calls that begin at about the same time begin together: one crossing to C and one write to the server
// for all of them.  The first lets others go before it, and takes along those that came meanwhile.
type gatherer struct {
	mutex sync.Mutex
	batch *batch
	spare *batch
}

// A batch is calls that are about to begin.
type batch struct {
	calls    []*call
	terms    []C.struct_bridge_terms
	keySizes []C.uint32_t
	bytes    []byte
	ops      [C.BRIDGE_CALLS_MAX]*C.rcache_op
	cancels  []int // which of the calls do
}

func (b *batch) add(call *call, request *request, terms C.struct_bridge_terms) {
	b.calls, b.terms = append(b.calls, call), append(b.terms, terms)
	for _, key := range request.keys {
		b.bytes = append(b.bytes, key...)
		b.keySizes = append(b.keySizes, C.uint32_t(len(key)))
	}
	b.bytes = append(b.bytes, request.extra...)
}

func (b *batch) clear() {
	clear(b.calls)
	b.calls, b.terms, b.keySizes, b.bytes = b.calls[:0], b.terms[:0], b.keySizes[:0], b.bytes[:0]
	b.cancels = b.cancels[:0]
}

// isGathered tells whether a call is small enough.
func (r *request) isGathered() bool {
	size := len(r.extra)
	for _, key := range r.keys {
		size += len(key)
	}
	return size <= gatheredBytesMax
}

// gather begins the call, now or with others.
func (p *pump) gather(call *call, request *request, terms C.struct_bridge_terms) {
	g := &p.gathering
	g.mutex.Lock()
	if g.batch == nil {
		g.batch = new(batch)
	}
	g.batch.add(call, request, terms)
	count := len(g.batch.calls)
	var full *batch
	if count == C.BRIDGE_CALLS_MAX {
		full = g.take()
	}
	g.mutex.Unlock()
	if count == 1 {
		runtime.Gosched()
		g.mutex.Lock()
		full = g.take()
		g.mutex.Unlock()
	}
	if full != nil {
		p.beginAll(full)
	}
}

// take is nil where another has taken all.  With the lock.
func (g *gatherer) take() *batch {
	if g.batch == nil || len(g.batch.calls) == 0 {
		return nil
	}
	taken := g.batch
	g.batch, g.spare = g.spare, nil
	return taken
}

func (g *gatherer) giveBack(b *batch) {
	b.clear()
	g.mutex.Lock()
	g.spare = b
	g.mutex.Unlock()
}

func (p *pump) beginAll(b *batch) {
	defer p.gathering.giveBack(b)
	if !p.admit(b.calls...) {
		return
	}
	for i, call := range b.calls {
		b.terms[i].tag = C.uint64_t(call.tag)
		if call.cancels {
			b.cancels = append(b.cancels, i)
		}
	}
	C.bridge_submit_all(p.cache, p.queue, chars(b.bytes), unsafe.SliceData(b.keySizes), unsafe.SliceData(b.terms),
		C.size_t(len(b.calls)), &b.ops[0])
	if len(b.cancels) > 0 { // the others may be over, and others by now
		p.draining.Lock()
		for _, i := range b.cancels {
			b.calls[i].begun(b.ops[i])
		}
		p.draining.Unlock()
	}
	p.haveBegun()
}
