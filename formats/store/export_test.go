package store

import "testing"

// Held is the number of bytes of objects in memory.
func Held() int64 {
	held.Lock()
	defer held.Unlock()
	return held.bytes
}

// Hurry makes pauses short.
func Hurry(t *testing.T) {
	was := backOff
	backOff /= 1000
	t.Cleanup(func() { backOff = was })
}
