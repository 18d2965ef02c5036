//go:build !purego

package kernel

func native() []*Set { return nil }
