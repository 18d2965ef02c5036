//go:build race

package oracle

func init() { underRace = true }
