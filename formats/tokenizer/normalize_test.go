package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// TestSlowForm compares normalization by the definition with x/text, which are the same where no 30 marks meet.
func TestSlowForm(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	blocks := [][2]int{{0x20, 0x7e}, {0xc0, 0x24f}, {0x300, 0x36f}, {0x300, 0x36f}, {0x591, 0x5c7}, {0x915, 0x94d}, {0x1100, 0x11ff}, {0x1e00, 0x1fff}, {0xac00, 0xd7a3}, {0xf900, 0xfa6d}, {0x1d15e, 0x1d164}}
	changed := 0
	for range 5000 {
		var b strings.Builder
		for range r.IntN(12) {
			block := blocks[r.IntN(len(blocks))]
			b.WriteRune(rune(block[0] + r.IntN(block[1]-block[0]+1)))
		}
		if r.IntN(10) == 0 {
			b.WriteByte(0xff)
		}
		text := b.String()
		for _, f := range []norm.Form{norm.NFC, norm.NFD, norm.NFKC, norm.NFKD} {
			want := f.String(text)
			if got := slowForm(f, text); got != want {
				t.Fatalf("form %d of %+q\n got %+q\nwant %+q", f, text, got, want)
			}
			if want != text {
				changed++
			}
		}
	}
	if changed < 5000 {
		t.Errorf("only %d texts changed", changed)
	}
}

// TestManyMarks: no U+034F among marks in a row, which stay in order.
func TestManyMarks(t *testing.T) {
	text := "e\u0323" + strings.Repeat("\u0301", 40) + "x"
	want := "ẹ" + strings.Repeat("\u0301", 40) + "x"
	if got := form(norm.NFC, text); got != want {
		t.Errorf("got %+q", got)
	}
	if got := form(norm.NFD, want); got != text {
		t.Errorf("NFD: got %+q", got)
	}
}
