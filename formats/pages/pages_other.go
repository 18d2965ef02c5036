//go:build !linux

package pages

func available() (int64, bool) { return 0, false }
