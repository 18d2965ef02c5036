package encode

import (
	"encoding/binary"
	"math"
	"os"
	"strings"
	"testing"
)

func readImportance(t *testing.T, path string) map[string][]float32 {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	u32 := func() int { v := binary.LittleEndian.Uint32(b[at:]); at += 4; return int(v) }
	u64 := func() int { v := binary.LittleEndian.Uint64(b[at:]); at += 8; return int(v) }
	str := func() string { n := u64(); s := string(b[at : at+n]); at += n; return s }
	u32()
	u32()
	nt, nk := u64(), u64()
	var skip func(typ int)
	skip = func(typ int) {
		switch typ {
		case 4, 5, 6:
			u32()
		case 8:
			str()
		case 9:
			e := u32()
			n := u64()
			for range n {
				skip(e)
			}
		case 7, 0, 1:
			at++
		default:
			t.Fatal(typ)
		}
	}
	for range nk {
		str()
		skip(u32())
	}
	type info struct {
		name   string
		n, off int
	}
	var infos []info
	for range nt {
		name := str()
		d := u32()
		n := 1
		for range d {
			n *= u64()
		}
		u32()
		infos = append(infos, info{name, n, u64()})
	}
	at = (at + 31) / 32 * 32
	raw := map[string][]float32{}
	for _, i := range infos {
		v := make([]float32, i.n)
		for k := range v {
			v[k] = math.Float32frombits(binary.LittleEndian.Uint32(b[at+i.off+4*k:]))
		}
		raw[i.name] = v
	}
	out := map[string][]float32{}
	for n, v := range raw {
		if base, ok := strings.CutSuffix(n, ".in_sum2"); ok {
			c := raw[base+".counts"]
			per := len(v) / len(c)
			for k := range v {
				v[k] /= c[k/per]
			}
			out[base] = v
		}
	}
	return out
}
