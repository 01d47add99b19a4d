package resilicache

// #cgo noescape bridge_wait
// #cgo nocallback bridge_wait
// #cgo nocallback rcache_op_wait
// #include "bridge.h"
import "C"

import (
	"context"
	"runtime"
)

// How soon the end of a context is noticed.
const (
	firstLook  = 2 // ms
	laterLooks = 10
)

// aloneMax is how many calls may wait on threads of their own at once.  With a server it is one: the queue serves many
// at less cost.  In memory calls are done when they are begun, as a rule, and as many can begin as run.
func aloneMax(inMemory bool) int64 {
	if inMemory {
		return int64(runtime.GOMAXPROCS(0))
	}
	return 1
}

// doAlone is do for who is among few: it waits in C, on its own thread, which also reads what comes, so that nobody has
// to be woken.  The queue serves many, and without a thread each.  A load is a goroutine's, as ever: it may outlive the
// call.
func (p *pump) doAlone(ctx context.Context, request *request) (*call, error) {
	defer p.leave(1)
	call := newCall(ctx, request)
	keys, sizes, extra, terms := request.arguments(ctx)
	op := C.bridge_wait(p.cache, keys, sizes, extra, terms, firstLook, &call.event)
	for op != nil {
		call.goOn(&call.event)
		if err := ctx.Err(); err != nil && !call.transacts {
			C.rcache_op_free(op)
			return nil, err
		}
		if C.rcache_op_wait(op, laterLooks, &call.event) == C.RCACHE_EVENT_DONE {
			op = nil
		}
	}
	p.refreshBehind(call, call.event.load)
	return call, nil
}
