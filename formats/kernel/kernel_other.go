//go:build !amd64 || purego

package kernel

// native lists the sets beyond generic: none in this build.
func native() []*Set { return nil }
