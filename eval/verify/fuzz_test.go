package verify

import (
	"reflect"
	"testing"
)

// FuzzManifest: no manifest panics, and what is accepted is written and read again unchanged.
func FuzzManifest(f *testing.F) {
	const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	f.Add([]byte(hash + "  blk.0.attn_q.weight\n\\" + hash + " *a\\nb\\\\\r\n# comment\n"))
	f.Add([]byte(hash + "  " + "\x1b[31m\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseManifest("fuzz", data)
		if err != nil {
			return
		}
		again, err := ParseManifest("fuzz", FormatManifest(list))
		if err != nil || !reflect.DeepEqual(list, again) {
			t.Fatalf("%q, then %q (%v)", list, again, err)
		}
	})
}
