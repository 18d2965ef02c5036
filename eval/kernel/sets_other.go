//go:build !amd64 || purego

package kernel

// native lists the sets beyond generic: this build has none.
var native []*Set
