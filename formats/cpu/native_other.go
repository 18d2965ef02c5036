//go:build !amd64 || purego

package cpu

// native lists the instruction sets beyond Generic: this build has none.
func native() []string { return nil }
