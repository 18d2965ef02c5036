//go:build !amd64 || purego

package encode

// nativeLanes: none in this build.
var nativeLanes []*lanes
