//go:build purego || !amd64

package kernel

import "bitmill/formats"

func levelStrips(formats.Type) *stripType { return nil }
