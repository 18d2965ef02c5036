package block

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"bitmill/formats"
)

// TestCodebooks compares the expanded codebooks with ggml's tables: hashes of their bytes as ggml-common.h (2026) lists
// them, of iq2xxs_grid and so on.
func TestCodebooks(t *testing.T) {
	for _, tt := range []struct {
		typ     formats.Type
		values  any
		entries int
		hash    string
	}{
		{formats.IQ2_XXS, values2XXS(), 256, "05826b5d3e472a3a78f196be62ac78acf81df0f909626e12ab9fa2a5d490dd54"},
		{formats.IQ2_XS, values2XS(), 512, "06e47aaca60b4dc1d9b5a3f34540437058a6b142b4d7a59d5ded769b4d1bf1de"},
		{formats.IQ2_S, values2S(), 1024, "e1aa1473412b0552c2174c30ef22ab4073f6a181b85a17056e8249bd2932fd88"},
		{formats.IQ1_S, values1(), 2048, "07540ffc1aeaf6ad4d97e96b0fcc765aae39671d4ae4a27bbd0e796fde167c6a"},
		{formats.IQ1_M, values1(), 2048, "07540ffc1aeaf6ad4d97e96b0fcc765aae39671d4ae4a27bbd0e796fde167c6a"},
		{formats.IQ3_XXS, values3XXS(), 256, "46e35f5a997efdee6c99ce57854c8a0d4f0ff8ca57e5e8a60c0793ea580acf5d"},
		{formats.IQ3_S, values3S(), 512, "bd1af4945a1717c65610b0284e4628b9a1ba3b306fae3a06f6e5f597356e349f"},
	} {
		l := CodebookOf(tt.typ)
		if l.Entries() != tt.entries {
			t.Errorf("%s: %d entries, want %d", tt.typ, l.Entries(), tt.entries)
		}
		last := -1
		for i := range l.Entries() {
			code := l.Code(l.Levels[i*l.Dim:])
			if code <= last {
				t.Fatalf("%s: entry %d has code %d, after %d", tt.typ, i, code, last)
			}
			last = code
		}
		var b bytes.Buffer
		if err := binary.Write(&b, binary.LittleEndian, tt.values); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(b.Bytes())); got != tt.hash {
			t.Errorf("%s: other values than ggml's table", tt.typ)
		}
	}
	if CodebookOf(formats.Q4_K) != nil {
		t.Error("Q4_K has a codebook")
	}
}
