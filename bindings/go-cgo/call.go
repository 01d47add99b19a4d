package resilicache

// #include "bridge.h"
import "C"

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// A request is an op before it begins.
type request struct {
	verb    C.uint32_t
	flags   C.uint32_t
	keys    []string
	extra   []byte        // the value to set, the owner of a lock, a fetch's session
	ttl     time.Duration // or the lease of a lock
	produce producer
	lost    func() // an update's: its lock has ended
}

// A call is an op under way, and after it what it came to.  One that nobody else can know of any more is used again.
type call struct {
	keys    []string
	produce producer
	lost    func()
	failure atomic.Pointer[error] // of its own loader
	loads   bool                  // or has: its loader may know of the call for longer than its caller does
	done    chan struct{}         // holds one
	refused bool                  // the cache was closed before it began
	tag     uint64
	// Guarded by the pump's draining, and the caller's own after done.
	cancels   bool         // its context may end
	op        *C.rcache_op // once it has begun, where it cancels
	event     C.rcache_event
	value     []byte // the only key's, where it was small and the pump has copied it
	copied    bool
	over      bool
	transacts bool // or did: an update is waited for to its end
	abandoned bool
}

// Larger values are copied by who asked, so that others needn't wait for it.
const copiedMax = 4096

// The core has to give up later than the caller does, who then hears from the context and not from the core.
const deadlineSlack = time.Second

var spareCalls = sync.Pool{New: func() any { return &call{done: make(chan struct{}, 1)} }}

func newCall(ctx context.Context, request *request) *call {
	c := spareCalls.Get().(*call)
	c.keys, c.produce, c.lost, c.cancels = request.keys, request.produce, request.lost, ctx.Done() != nil
	return c
}

// do begins the op and waits for its end or the context's.  The call that it returns has to be freed.
func (p *pump) do(ctx context.Context, request *request) (*call, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if request.verb == C.BRIDGE_FETCH {
		request.extra = sessionOf(ctx)
	}
	if p.calls.enterFew(p.alone) {
		return p.doAlone(ctx, request)
	}
	call := newCall(ctx, request)
	if request.isGathered() {
		p.gather(call, request, request.terms(ctx))
	} else {
		p.begin(ctx, call, request)
	}
	if !call.cancels {
		<-call.done
		return call.begunOrNot()
	}
	select {
	case <-call.done:
		return call.begunOrNot()
	case <-ctx.Done():
		if p.abandon(call) {
			return nil, ctx.Err()
		}
		<-call.done
		return call.begunOrNot()
	}
}

// begin begins the call by itself.
func (p *pump) begin(ctx context.Context, c *call, request *request) {
	if !p.admit(c) {
		return
	}
	cancels := c.cancels // it may be over, and another's, once it has begun
	keys, sizes, extra, terms := request.arguments(ctx)
	terms.tag = C.uint64_t(c.tag)
	op := C.bridge_submit(p.cache, p.queue, keys, sizes, extra, terms)
	if cancels {
		p.draining.Lock()
		c.begun(op)
		p.draining.Unlock()
	}
	p.haveBegun()
}

// begun is told of the op, which may be over by now.  With the pump's draining.
func (c *call) begun(op *C.rcache_op) {
	if c.op = op; c.abandoned && !c.over {
		C.rcache_op_cancel(op)
	}
}

// haveBegun is for who was counted in to begin calls.
func (p *pump) haveBegun() {
	if p.helping {
		p.help()
	}
	p.leave(1)
}

// admit counts in the calls and who is to begin them, and gives them tags; false: they come too late, and are over.
func (p *pump) admit(calls ...*call) bool {
	if p.calls.enter(len(calls) + 1) {
		p.calls.put(calls...)
		return true
	}
	for _, call := range calls {
		call.refused = true
		call.done <- struct{}{}
	}
	return false
}

func (c *call) begunOrNot() (*call, error) {
	if c.refused {
		return nil, &Error{Status: StatusClosed, Message: "the cache was closed"}
	}
	return c, nil
}

func (r *request) terms(ctx context.Context) C.struct_bridge_terms {
	terms := C.struct_bridge_terms{ttl_ms: C.int64_t(milliseconds(r.ttl)), count: C.size_t(len(r.keys)),
		extra_size: C.size_t(len(r.extra)), flags: r.flags, verb: r.verb}
	if r.verb == C.BRIDGE_FETCH {
		terms.flags |= modeOf(ctx)
	}
	if r.verb == C.BRIDGE_INVALIDATE || (r.verb == C.BRIDGE_SET && r.flags&C.RCACHE_RAW == 0) {
		terms.version = versionOf(ctx)
	}
	if end, ok := ctx.Deadline(); ok {
		terms.deadline_ms = C.int64_t(milliseconds(max(0, time.Until(end)) + deadlineSlack))
	}
	return terms
}

// arguments are for one call of C.
func (r *request) arguments(ctx context.Context) (*C.char, *C.uint32_t, *C.char, C.struct_bridge_terms) {
	terms := r.terms(ctx)
	if len(r.keys) == 1 {
		key := r.keys[0]
		terms.key_size = sizeOf(key)
		return (*C.char)(unsafe.Pointer(unsafe.StringData(key))), nil, chars(r.extra), terms
	}
	joined, sizes := join(r.keys)
	return chars(joined), unsafe.SliceData(sizes), chars(r.extra), terms
}

func join(keys []string) (joined []byte, sizes []C.uint32_t) {
	total := 0
	for _, key := range keys {
		total += len(key)
	}
	joined, sizes = make([]byte, 0, total), make([]C.uint32_t, len(keys))
	for i, key := range keys {
		joined = append(joined, key...)
		sizes[i] = sizeOf(key)
	}
	return joined, sizes
}

// A key that is too long by far is refused for its size alone.
func sizeOf(key string) C.uint32_t {
	return C.uint32_t(min(uint64(len(key)), math.MaxUint32))
}

func chars(bytes []byte) *C.char {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(bytes)))
}

// abandon leaves the call's end to the pump; false: it is to be waited for.
func (p *pump) abandon(call *call) bool {
	p.draining.Lock()
	defer p.draining.Unlock()
	if call.transacts {
		return false
	}
	if call.over {
		call.free()
		return true
	}
	call.abandoned = true
	if call.op != nil {
		C.rcache_op_cancel(call.op)
	}
	return true
}

// goOn is for the events before the last.
func (c *call) goOn(event *C.rcache_event) {
	switch event.kind {
	case C.RCACHE_EVENT_LOAD:
		if c.abandoned && c.lost != nil { // a transaction whose caller was told that there is none
			failLoad(event.load, context.Canceled)
			C.rcache_load_finish(event.load)
			return
		}
		c.loads, c.transacts = true, c.lost != nil
		go c.produce.work(event.load, c.report)
	case C.RCACHE_EVENT_LOST:
		c.lost()
	}
}

// finish is the pump's.  True: the result is the pump's to free.
func (c *call) finish(event C.rcache_event) (spent bool) {
	c.event, c.over = event, true
	spent = c.abandoned || c.copyValue()
	if spent {
		c.event.result = nil
	}
	c.done <- struct{}{}
	return spent
}

// copyValue is for results of which nothing else is needed.
func (c *call) copyValue() bool {
	view := &c.event.value
	granted := view.outcome == C.RCACHE_DONE && view.size > 0 // a lock, which has a fence
	if len(c.keys) != 1 || view.outcome == C.RCACHE_FAILED || granted || view.size > copiedMax {
		return false
	}
	c.value, _ = c.take(0, view)
	c.copied = true
	return true
}

func (c *call) free() {
	if c.event.result != nil {
		C.rcache_result_free(c.event.result)
	}
	if !c.loads && !c.cancels {
		*c = call{done: c.done}
		spareCalls.Put(c)
	}
}

func (c *call) report(failure error) {
	c.failure.Store(&failure)
}

// one is the value of the call's only key.
func (c *call) one() ([]byte, error) {
	if c.copied {
		c.failure.Load() // what the loader wrote is the caller's to read
		return c.value, nil
	}
	return c.take(0, &c.event.value)
}

// all are the values that there are, also where some keys failed; the error is that of the first.
func (c *call) all() (map[int][]byte, error) {
	values := make(map[int][]byte, len(c.keys))
	views := make([]C.rcache_value, len(c.keys))
	count := int(C.rcache_result_values(c.event.result, unsafe.SliceData(views), C.size_t(len(views))))
	var failure error
	for i := range views[:min(count, len(views))] {
		value, err := c.take(i, &views[i])
		if err != nil && failure == nil {
			failure = err
		}
		if value != nil {
			values[i] = value
		}
	}
	return values, failure
}

// take is nil, nil for what is not there; a value that is there and empty is not nil.
func (c *call) take(index int, view *C.rcache_value) ([]byte, error) {
	own := c.failure.Load() // also where all went well: what the loader wrote is the caller's to read
	switch view.outcome {
	case C.RCACHE_HIT, C.RCACHE_LOADED, C.RCACHE_STALE:
		value := make([]byte, view.size)
		copy(value, unsafe.Slice((*byte)(view.data), view.size))
		return value, nil
	case C.RCACHE_FAILED:
		if view.status == C.RCACHE_E_LOADER && own != nil && *own != nil {
			return nil, *own
		}
		message := C.GoString(C.rcache_result_message(c.event.result, C.size_t(index)))
		return nil, &Error{Status: Status(view.status), Message: message, Key: c.keys[index]}
	}
	return nil, nil
}
