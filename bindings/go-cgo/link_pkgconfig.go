package resilicache

// #cgo pkg-config: resilicache
import "C"
