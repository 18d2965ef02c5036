package formats

import (
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	if Several(1, "file") != "1 file" || Several(int64(0), "file") != "0 files" || Several(2, "file") != "2 files" {
		t.Error(Several(1, "file"), Several(0, "file"), Several(2, "file"))
	}
	for _, x := range []struct {
		text, indent string
		want         []string
	}{
		{"", "", []string{""}},
		{" ein kurzer\nText ", "", []string{"ein kurzer", "Text"}},
		{"a überlanges_wort b c", "  ", []string{"a", "  überlanges_wort", "  b c"}},
		{"äöü äöü ä", "", []string{"äöü äöü ä"[:len("äöü äöü")], "ä"}},
	} {
		width := 10
		if x.text == "äöü äöü ä" {
			width = 7
		}
		if got := Wrap(x.text, width, x.indent); !slices.Equal(got, x.want) {
			t.Errorf("%q: %q, want %q", x.text, got, x.want)
		}
	}
}
