//go:build !amd64 || purego

package vec

// native lists the sets beyond generic: this build has none.
var native map[string]*Set
