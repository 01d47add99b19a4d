package resilicache

// #include <stdlib.h>
// #include <resilicache.h>
import "C"

import (
	"strconv"
	"time"
	"unsafe"
)

// Options say how a cache behaves.  Start from [NewDefaultOptions]: zeros count, where zero is possible.  What differs
// from the defaults goes over what the URL says.
type Options struct {
	Delay                  time.Duration // how long an invalidated value may be served while a newer one is loaded
	EmptyExpire            time.Duration // how long it is remembered that there is no such entry; 0: not at all
	LockExpire             time.Duration // how long a key stays reserved for a loader that died
	LockSleep              time.Duration // the longest pause between two looks at a key that another process loads
	WaitReplicas           int           // how many replicas have to confirm an invalidation
	WaitReplicasTimeout    time.Duration // how long to wait for them
	RandomExpireAdjustment float64       // by up to which part a time to live is shortened at random
	DisableCacheRead       bool          // every fetch loads, past the cache
	DisableCacheDelete     bool          // invalidations do nothing
	StrongConsistency      bool          // a fetch waits for the newest value instead of serving the one before

	// Extra has the options without a field by the names of the manual: {"prefix": "app:", "deadline": "2s"}.
	Extra map[string]string

	// RefreshFailed, if not nil, is told of loaders that failed while an older value was served: no caller is.
	RefreshFailed func(error)
}

// NewDefaultOptions are the options of a cache of which nothing else is known.
func NewDefaultOptions() Options {
	return Options{
		Delay:                  10 * time.Second,
		EmptyExpire:            time.Minute,
		LockExpire:             3 * time.Second,
		LockSleep:              100 * time.Millisecond,
		WaitReplicasTimeout:    3 * time.Second,
		RandomExpireAdjustment: 0.1,
	}
}

// texts has what differs from the defaults, as C takes it.
func (o *Options) texts() map[string]string {
	defaults := NewDefaultOptions()
	texts := map[string]string{}
	duration := func(name string, value, fallback time.Duration, zero bool) {
		if value != fallback && (value != 0 || zero) {
			texts[name] = strconv.FormatInt(milliseconds(value), 10) + "ms"
		}
	}
	yes := func(name string, value bool) {
		if value {
			texts[name] = "yes"
		}
	}
	duration("delay", o.Delay, defaults.Delay, false)
	duration("empty_expire", o.EmptyExpire, defaults.EmptyExpire, true)
	duration("lock_expire", o.LockExpire, defaults.LockExpire, false)
	duration("lock_sleep", o.LockSleep, defaults.LockSleep, false)
	duration("wait_replicas_timeout", o.WaitReplicasTimeout, defaults.WaitReplicasTimeout, false)
	yes("disable_cache_read", o.DisableCacheRead)
	yes("disable_cache_delete", o.DisableCacheDelete)
	yes("strong_consistency", o.StrongConsistency)
	if o.WaitReplicas != defaults.WaitReplicas {
		texts["wait_replicas"] = strconv.Itoa(o.WaitReplicas)
	}
	if o.RandomExpireAdjustment != defaults.RandomExpireAdjustment {
		texts["random_expire_adjustment"] = strconv.FormatFloat(o.RandomExpireAdjustment, 'f', -1, 64)
	}
	for name, value := range o.Extra {
		texts[name] = value
	}
	return texts
}

// handle makes the options C's; free them with rcache_options_free.
func (o *Options) handle() (*C.rcache_options, error) {
	options := C.rcache_options_new()
	if options == nil {
		return nil, ErrNoMemory
	}
	for name, value := range o.texts() {
		if err := setOption(options, name, value); err != nil {
			C.rcache_options_free(options)
			return nil, err
		}
	}
	return options, nil
}

func setOption(options *C.rcache_options, name, value string) error {
	nameText, valueText := C.CString(name), C.CString(value)
	defer C.free(unsafe.Pointer(nameText))
	defer C.free(unsafe.Pointer(valueText))
	var failure C.rcache_error
	C.rcache_options_set(options, nameText, valueText, &failure)
	return errorOf(&failure)
}

func errorOf(failure *C.rcache_error) error {
	if failure.status == C.RCACHE_OK {
		return nil
	}
	return &Error{Status: Status(failure.status), Message: C.GoString(&failure.message[0])}
}

// milliseconds rounds away from zero: what is little must not become "none".
func milliseconds(duration time.Duration) int64 {
	count := duration.Milliseconds()
	switch rest := duration % time.Millisecond; {
	case rest > 0:
		count++
	case rest < 0:
		count--
	}
	return count
}

// An OptionInfo is an option in words, as the manual has it.
type OptionInfo struct {
	Name, Type, Default, Range, Help string
}

// DescribeOptions are all options that there are: of a URL's query and of Options.Extra.
func DescribeOptions() []OptionInfo {
	var infos []OptionInfo
	info := C.rcache_option_info{struct_size: C.sizeof_rcache_option_info}
	for C.rcache_options_describe(C.size_t(len(infos)), &info) == C.RCACHE_OK {
		infos = append(infos, OptionInfo{
			Name:    C.GoString(info.name),
			Type:    C.GoString(info._type),
			Default: C.GoString(info.fallback),
			Range:   C.GoString(info._range),
			Help:    C.GoString(info.help),
		})
	}
	return infos
}
