package resilicache

import "sync"

// A slab finds calls by their tags, which C gives back: index and generation, never a pointer.
type slab struct {
	mutex  sync.Mutex
	slots  []slot
	free   []uint32
	users  int
	closed bool
}

type slot struct {
	call       *call
	generation uint32
}

// enter counts a user of the queue in, unless it is closed to new ones.
func (s *slab) enter() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.closed {
		s.users++
	}
	return !s.closed
}

// enterAlone is enter for who is the first.
func (s *slab) enterAlone() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	alone := !s.closed && s.users == 0
	if alone {
		s.users++
	}
	return alone
}

// leave counts a user out and tells whether nobody is to come any more.
func (s *slab) leave() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.users--
	return s.closed && s.users == 0
}

// close lets nobody in any more; false where that was so before.
func (s *slab) close() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	first := !s.closed
	s.closed = true
	return first
}

// deserted tells whether nobody is in or to come.
func (s *slab) deserted() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.closed && s.users == 0
}

// put counts in both the call, until its end, and who begins it: C may still be at work there when the end comes.
func (s *slab) put(call *call) (tag uint64, ok bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return 0, false
	}
	s.users += 2
	var index uint32
	if last := len(s.free) - 1; last >= 0 {
		index, s.free = s.free[last], s.free[:last]
	} else {
		index = uint32(len(s.slots))
		s.slots = append(s.slots, slot{})
	}
	s.slots[index].call = call
	return uint64(s.slots[index].generation)<<32 | uint64(index), true
}

// get is nil for a tag that is not in use.
func (s *slab) get(tag uint64) *call {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.at(tag)
}

// take is get, after which the tag is not in use.
func (s *slab) take(tag uint64) *call {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	call := s.at(tag)
	if call != nil {
		index := uint32(tag)
		s.slots[index] = slot{generation: s.slots[index].generation + 1}
		s.free = append(s.free, index)
	}
	return call
}

func (s *slab) at(tag uint64) *call {
	index, generation := uint32(tag), uint32(tag>>32)
	if int(index) >= len(s.slots) || s.slots[index].generation != generation {
		return nil
	}
	return s.slots[index].call
}
