//go:build amd64 && !purego

package kernel

import (
	"encoding/binary"
	"sync"

	"bitmill/formats"
	"bitmill/formats/block"
)

// levelStrips returns the layout of types of few levels in strips. IQ1_S and IQ1_M, whose strips would have twice the bytes,
// are not among them.
func levelStrips(t formats.Type) *stripType { return levelStripTypes()[t] }

var levelStripTypes = sync.OnceValue(func() map[formats.Type]*stripType {
	points4 := func(t formats.Type) []int8 { return signedLevels(block.Values4(t)) }
	points8 := func(t formats.Type) []int8 { return signedLevels(block.Values8(t)) }
	list := map[formats.Type]*stripType{}
	for _, r := range []struct {
		t    formats.Type
		bits int
		levelStrip
	}{
		{formats.IQ4_NL, 4, levelStrip{values: block.Uneven4[:], factor: 1, d: first16}},
		{formats.MXFP4, 4, levelStrip{values: block.Float4[:], factor: 1, power: true, d: first8}},
		{formats.IQ4_XS, 4, levelStrip{values: block.Uneven4[:], factor: 1, groups: 8, d: first16, scales: scalesIQ4XS}},
		{formats.IQ3_S, 4, levelStrip{values: points4(formats.IQ3_S), factor: 1, groups: 8, d: first16, scales: oddHalves(106, 8)}},
		{formats.IQ3_XXS, 4, levelStrip{values: points4(formats.IQ3_XXS), factor: 0.25, groups: 8, d: first16, scales: oddTops(69, 4)}},
		{formats.IQ2_XXS, 3, levelStrip{values: points8(formats.IQ2_XXS), factor: 0.125, groups: 8, d: first16, scales: oddTops(9, 8)}},
		{formats.IQ2_XS, 3, levelStrip{values: points8(formats.IQ2_XS), factor: 0.125, groups: 16, d: first16, scales: oddHalves(66, 16)}},
		{formats.IQ2_S, 3, levelStrip{values: points8(formats.IQ2_S), factor: 0.125, groups: 16, d: first16, scales: oddHalves(74, 16)}},
		{formats.TQ1_0, 2, levelStrip{values: []int8{-1, 0, 1}, factor: 1, d: last16}},
		{formats.TQ2_0, 2, levelStrip{values: []int8{-1, 0, 1, 2}, factor: 1, d: last16}},
	} {
		r.unpack = unpackLevels[r.t]
		list[r.t] = newLevelStrip(r.bits, r.t.BlockLen(), r.levelStrip)
	}
	return list
})

func first16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func first8(b []byte) uint16  { return uint16(b[0]) }
func last16(b []byte) uint16  { return binary.LittleEndian.Uint16(b[len(b)-2:]) }

func scalesIQ4XS(to *[16]int8, b []byte) {
	high := binary.LittleEndian.Uint16(b[2:])
	for j := range 8 {
		to[j] = int8(b[4+j/2]>>(j%2*4)&15|uint8(high>>(2*j)&3)<<4) - 32
	}
}

// oddHalves takes n scales 2s+1, s being the halves of bytes.
func oddHalves(at, n int) func(to *[16]int8, b []byte) {
	return func(to *[16]int8, b []byte) {
		for j := range n {
			to[j] = int8(2*(b[at+j/2]>>(j%2*4)&15) + 1)
		}
	}
}

// oddTops takes eight scales 2s+1, s being the upper halves of bytes, step bytes apart.
func oddTops(at, step int) func(to *[16]int8, b []byte) {
	return func(to *[16]int8, b []byte) {
		for j := range 8 {
			to[j] = int8(2*(b[at+step*j]>>4) + 1)
		}
	}
}
