package resilicache

// #cgo noescape bridge_load_value
// #cgo nocallback bridge_load_value
// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"errors"
	"runtime/debug"
	"unsafe"
)

// A producer answers a load, or says why not.
type producer func(load *C.rcache_load) error

// A maker makes the values of the keys at these positions of a call; primary: from no replica of the database.
type maker func(positions []int, primary bool) (produced, error)

type produced struct {
	values  [][]byte // one for each; nil: there is none
	version uint64   // of the only one; 0: unknown
}

func produceVersioned(load func(primary bool) ([]byte, uint64, error)) producer {
	return maker(func(_ []int, primary bool) (produced, error) {
		value, version, err := load(primary)
		if errors.Is(err, ErrAbsent) {
			value, err = nil, nil
		}
		return produced{[][]byte{value}, version}, err
	}).answer
}

func produceOne(load func() ([]byte, error)) producer {
	return produceVersioned(func(bool) ([]byte, uint64, error) {
		value, err := load()
		return value, 0, err
	})
}

func produceMany(load func(idxs []int) (map[int][]byte, error)) producer {
	return maker(func(positions []int, _ bool) (produced, error) {
		found, err := load(positions)
		values := make([][]byte, len(positions))
		for i, position := range positions {
			values[i] = found[position]
		}
		return produced{values: values}, err
	}).answer
}

// work answers the load and finishes it, whatever the loader does.  It reports before it finishes, so that who is
// woken by the end sees the report, and all that the loader has written.
func (produce producer) work(load *C.rcache_load, report func(error)) {
	defer C.rcache_load_finish(load)
	var failure error = errLoaderLeft
	defer func() {
		if value := recover(); value != nil {
			failure = &PanicError{Value: value, Stack: debug.Stack()}
		}
		if failure != nil {
			failLoad(load, failure)
		}
		report(failure)
	}()
	failure = produce(load)
}

func (produce maker) answer(load *C.rcache_load) error {
	positions := make([]int, C.rcache_load_count(load))
	for i := range positions {
		positions[i] = int(C.rcache_load_position(load, C.size_t(i)))
	}
	found, err := produce(positions, C.rcache_load_primary(load) != 0)
	if err != nil {
		return err
	}
	for i, value := range found.values {
		if status := answerOne(load, C.size_t(i), value); status != C.RCACHE_OK {
			return &Error{Status: Status(status), Message: "the loader's value could not be taken"}
		}
	}
	if found.version > 0 && C.rcache_load_version(load, 0, C.uint64_t(found.version)) != C.RCACHE_OK {
		return &Error{Status: StatusInvalid, Message: "the loader's version is above math.MaxInt64"}
	}
	return nil
}

func answerOne(load *C.rcache_load, index C.size_t, value []byte) C.int32_t {
	if value == nil {
		return C.rcache_load_absent(load, index)
	}
	return C.bridge_load_value(load, index, chars(value), C.size_t(len(value)))
}

func failLoad(load *C.rcache_load, failure error) {
	text := C.CString(failure.Error())
	defer C.free(unsafe.Pointer(text))
	permanent := isPermanent(failure)
	for i := C.size_t(0); i < C.rcache_load_count(load); i++ {
		if permanent {
			C.rcache_load_fail_permanent(load, i, text)
		} else {
			C.rcache_load_fail(load, i, text)
		}
	}
}
