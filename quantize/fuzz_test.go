package quantize

import (
	"testing"

	"bitmill/formats/gguf"
)

// FuzzOptions: no override of types or metadata and no record of an artifact's origin makes reading panic.
func FuzzOptions(f *testing.F) {
	f.Add("attn_v=q6_k", "general.name=str:x", "Q4_K_M", uint32(1))
	f.Add("[=f16", "a.b=int:99999999999999999999", "IQ2_M", uint32(0))
	f.Add("(a*)*b=Q8_0", "x=float:1e999", "", uint32(7))
	f.Fuzz(func(t *testing.T, override, kv, format string, n uint32) {
		if o, err := ParseOverride(override); err == nil && o.Pattern == "" {
			t.Fatalf("%q has no pattern", override)
		}
		o := Options{TensorTypes: []string{override}, MetadataKeys: []string{kv}}
		_ = o.Check()
		_, _ = ParseFormat(format)
		m := &gguf.Metadata{}
		m.Set(KeySource, format)
		m.Set(keyImatrix, n)
		ReadProvenance(m)
	})
}
