module github.com/resilicache/resilicache/bindings/go-cgo

go 1.24
