//go:build !amd64 || purego

package feedback

// nativeLanes: none in this build.
var nativeLanes []*lanes
