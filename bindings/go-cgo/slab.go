package resilicache

import (
	"sync"
	"sync/atomic"
)

// A slab finds calls by their tags, which C gives back: indices, never pointers.
type slab struct {
	users atomic.Int64 // of the queue; and the sign, once it is closed to new ones
	mutex sync.Mutex
	calls []*call
	free  []uint64
}

const closedSign = -1 << 63

// enter counts users in, unless it is closed.
func (s *slab) enter(count int) bool {
	for {
		users := s.users.Load()
		if users < 0 {
			return false
		}
		if s.users.CompareAndSwap(users, users+int64(count)) {
			return true
		}
	}
}

// enterFew is enter for one more, as long as there are fewer than so many.
func (s *slab) enterFew(most int64) bool {
	for {
		users := s.users.Load()
		if users < 0 || users >= most {
			return false
		}
		if s.users.CompareAndSwap(users, users+1) {
			return true
		}
	}
}

// leave counts users out and tells whether nobody is to come any more.
func (s *slab) leave(count int) bool {
	return s.users.Add(int64(-count)) == closedSign
}

// close lets nobody in any more; false where that was so before.
func (s *slab) close() bool {
	return s.users.Or(closedSign) >= 0
}

// deserted tells whether nobody is in or to come.
func (s *slab) deserted() bool {
	return s.users.Load() == closedSign
}

// put gives tags to calls that are in.
func (s *slab) put(calls ...*call) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, call := range calls {
		if last := len(s.free) - 1; last >= 0 {
			call.tag, s.free = s.free[last], s.free[:last]
			s.calls[call.tag] = call
		} else {
			call.tag = uint64(len(s.calls))
			s.calls = append(s.calls, call)
		}
	}
}

// take is the call with that tag, which from then on is another's.  With the mutex.
func (s *slab) take(tag uint64) *call {
	call := s.calls[tag]
	s.calls[tag] = nil
	s.free = append(s.free, tag)
	return call
}
