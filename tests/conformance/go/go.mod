module conform

go 1.24

require github.com/resilicache/resilicache/bindings/go-cgo v0.0.0

replace github.com/resilicache/resilicache/bindings/go-cgo => ../../../bindings/go-cgo
