package resilicache

// #include <resilicache.h>
import "C"

import (
	"errors"
	"fmt"
)

// A Status says what kind of failure an [Error] is; the numbers are those of resilicache.h.
type Status int32

const (
	StatusInvalid     Status = C.RCACHE_E_INVALID
	StatusNoMemory    Status = C.RCACHE_E_NOMEM
	StatusMisuse      Status = C.RCACHE_E_MISUSE
	StatusForked      Status = C.RCACHE_E_FORKED
	StatusClosed      Status = C.RCACHE_E_CLOSED
	StatusTimeout     Status = C.RCACHE_E_TIMEOUT
	StatusCanceled    Status = C.RCACHE_E_CANCELED
	StatusUnavailable Status = C.RCACHE_E_UNAVAILABLE
	StatusAuth        Status = C.RCACHE_E_AUTH
	StatusServer      Status = C.RCACHE_E_SERVER
	StatusProtocol    Status = C.RCACHE_E_PROTOCOL
	StatusLoader      Status = C.RCACHE_E_LOADER
	StatusLost        Status = C.RCACHE_E_LOST
	StatusLimit       Status = C.RCACHE_E_LIMIT
	StatusUnsupported Status = C.RCACHE_E_UNSUPPORTED
	StatusType        Status = C.RCACHE_E_TYPE
	StatusQueued      Status = C.RCACHE_E_QUEUED
	StatusOutdated    Status = C.RCACHE_E_OUTDATED
)

// String is the status as C spells it, "RCACHE_E_LOST".
func (s Status) String() string {
	return C.GoString(C.rcache_status_name(C.int32_t(s)))
}

// Retriable tells whether the same call may succeed later: a timeout, a server away.
func (s Status) Retriable() bool {
	return C.rcache_status_retriable(C.int32_t(s)) != 0
}

// For errors.Is: any [Error] of the same status matches.
var (
	ErrInvalid     = &Error{Status: StatusInvalid}     // an argument or option; the message has the remedy
	ErrNoMemory    = &Error{Status: StatusNoMemory}    // memory could not be had; nothing was done
	ErrForked      = &Error{Status: StatusForked}      // the cache was opened in the parent process
	ErrClosed      = &Error{Status: StatusClosed}      // the cache was closed
	ErrTimeout     = &Error{Status: StatusTimeout}     // the option `deadline` passed
	ErrUnavailable = &Error{Status: StatusUnavailable} // no server answers
	ErrAuth        = &Error{Status: StatusAuth}        // the server refuses user or password
	ErrServer      = &Error{Status: StatusServer}      // an error of the server, in its words
	ErrProtocol    = &Error{Status: StatusProtocol}    // a reply that makes no sense
	ErrLoader      = &Error{Status: StatusLoader}      // somebody else's loader failed; one's own error comes as itself
	ErrLost        = &Error{Status: StatusLost}        // the lease or lock is someone else's
	ErrLimit       = &Error{Status: StatusLimit}       // a key or value too large, too many keys
	ErrUnsupported = &Error{Status: StatusUnsupported} // by this server or this build
	ErrType        = &Error{Status: StatusType}        // the key holds something that is no cache entry
	ErrQueued      = &Error{Status: StatusQueued}      // no server took the invalidation; it is kept, and tried again
	ErrOutdated    = &Error{Status: StatusOutdated}    // a newer version is known
)

// ErrAbsent may be returned by a loader to say that there is no such entry, where its type has no nil to say it with.
var ErrAbsent = errors.New("resilicache: there is no such entry")

// Permanent wraps what a loader returns where no older value is to stand in for the one that can't be loaded, as where
// the row may not be read any more.  Any error that has Permanent() bool can say so.
func Permanent(err error) error { return permanentError{err} }

type permanentError struct{ error }

func (permanentError) Permanent() bool { return true }
func (e permanentError) Unwrap() error { return e.error }

func isPermanent(err error) bool {
	var permanent interface{ Permanent() bool }
	return errors.As(err, &permanent) && permanent.Permanent()
}

var errLoaderLeft = &Error{Status: StatusLoader, Message: "the loader ended its goroutine"}

// An Error is what the cache itself could not do.
type Error struct {
	Status  Status
	Message string
	Key     string // the key that it is about; "" where it is about none
}

func (e *Error) Error() string {
	if e.Message == "" {
		return "resilicache: " + e.Status.String()
	}
	return "resilicache: " + e.Message
}

// Is makes the sentinels match every error of their status.
func (e *Error) Is(target error) bool {
	sentinel, ok := target.(*Error)
	return ok && sentinel.Message == "" && sentinel.Status == e.Status
}

// Timeout is for those who ask as package net has it.
func (e *Error) Timeout() bool { return e.Status == StatusTimeout }

// A PanicError is what a caller gets whose loader panicked.  It matches [ErrLoader].
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("resilicache: the loader panicked: %v", e.Value)
}

// Is makes it a failure of the loader's.
func (e *PanicError) Is(target error) bool { return target == error(ErrLoader) }

// Unwrap is the error that was panicked with, if it was one.
func (e *PanicError) Unwrap() error {
	cause, _ := e.Value.(error)
	return cause
}
