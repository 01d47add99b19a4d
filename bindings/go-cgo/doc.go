// Package resilicache keeps what is cached consistent with what is in the database: one loader at a time for each key,
// invalidations that no late loader overwrites, and answers while a new value is being loaded.
//
// A goroutine that waits costs no thread, and a context that ends ends its call at once, without harm to others that
// share the load.  Errors work with errors.Is ([ErrLost], [ErrUnavailable], ...); a loader's own error comes back as
// itself.  What is not there is nil, nil.
//
// The C library is found by pkg-config; README.md has the two lines that install it.
package resilicache
