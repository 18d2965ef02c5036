//go:build !amd64 || purego

package machine

func loopsOf(string) loops { return genericLoops }
