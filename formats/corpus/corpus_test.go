//go:build !nodemo && !slim

package corpus

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var names = []string{"calibration", "evaluation"}

// TestPieces: every file is plain text of about the length of a window, and no two begin alike.
func TestPieces(t *testing.T) {
	beginnings := map[string]string{}
	for _, text := range names {
		for _, p := range Pieces(text) {
			if n := len(p.Text); n < 1300 || n > 3400 {
				t.Errorf("%s has %d bytes: a window of 512 tokens takes about two thousand", p.Name, n)
			}
			if !utf8.ValidString(p.Text) || !strings.HasSuffix(p.Text, "\n") || strings.HasSuffix(p.Text, "\n\n") {
				t.Errorf("%s is not UTF-8 with one line end at its end", p.Name)
			}
			for _, r := range p.Text {
				if unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\ufeff' || r == utf8.RuneError {
					t.Errorf("%s holds %U", p.Name, r)
				}
			}
			for line := range strings.Lines(p.Text) {
				if strings.TrimRight(line, " \t\n") != strings.TrimSuffix(line, "\n") {
					t.Errorf("%s: %q has blanks at its end", p.Name, line)
				}
			}
			if first := p.Text[:60]; beginnings[first] != "" {
				t.Errorf("%s and %s begin alike", p.Name, beginnings[first])
			} else {
				beginnings[first] = p.Name
			}
		}
	}
}

// TestLinesAreNotShared: no line that is long enough to mean something stands twice, in one text or in both.
func TestLinesAreNotShared(t *testing.T) {
	seen := map[string]string{}
	for _, text := range names {
		for _, p := range Pieces(text) {
			for line := range strings.Lines(p.Text) {
				line = strings.TrimSpace(line)
				if utf8.RuneCountInString(line) <= 60 || strings.IndexFunc(line, unicode.IsLetter) < 0 {
					continue // idioms of a language, rules of a drawing
				}
				if seen[line] != "" {
					t.Errorf("%s and %s hold %q", p.Name, seen[line], line)
				}
				seen[line] = p.Name
			}
		}
	}
}

// TestOrder: the kinds are interleaved, and each text begins with one piece of each.
func TestOrder(t *testing.T) {
	for _, text := range names {
		pieces := Pieces(text)
		count := map[string]int{}
		for _, p := range pieces {
			count[p.Kind]++
		}
		met := map[string]int{}
		for i, p := range pieces {
			met[p.Kind]++
			if n := len(count); i == n-1 && len(met) != n {
				t.Errorf("%s: the first %d pieces are of %d kinds", text, n, len(met))
			}
			for kind, n := range count {
				want := float64(i+1) * float64(n) / float64(len(pieces))
				if d := float64(met[kind]) - want; d < -1.01 || d > 1.01 {
					t.Errorf("%s: %d pieces of %s among the first %d of %d, of %d in all", text, met[kind], kind, i+1,
						len(pieces), n)
				}
			}
		}
		for i := range 3 {
			if !slices.Equal(pieces, Pieces(text)) {
				t.Errorf("%s: order %d differs", text, i)
			}
		}
	}
	if Calibration() != join(Pieces("calibration")) || Evaluation() != join(Pieces("evaluation")) {
		t.Error("a text is not its pieces")
	}
}

// TestReadme holds data/README.md to the texts: their bytes by kind, and their hashes. On a change of the texts, copy
// what it prints.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("data/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := composition(); !strings.Contains(string(readme), want) {
		t.Errorf("data/README.md does not have this table:\n%s", want)
	}
}

// composition is the table of data/README.md.
func composition() string {
	var b strings.Builder
	bytes, pieces := map[string]int{}, map[string]int{}
	kinds := map[string]bool{}
	for _, text := range names {
		for _, p := range Pieces(text) {
			kinds[p.Kind] = true
			for _, key := range []string{text + p.Kind, text} {
				bytes[key] += len(p.Text)
				pieces[key]++
			}
		}
	}
	b.WriteString("| kind | calibration: pieces | bytes | evaluation: pieces | bytes |\n|---|---:|---:|---:|---:|\n")
	row := func(title, kind string) {
		fmt.Fprintf(&b, "| %s |", title)
		for _, text := range names {
			fmt.Fprintf(&b, " %d | %d |", pieces[text+kind], bytes[text+kind])
		}
		b.WriteByte('\n')
	}
	var sorted []string
	for kind := range kinds {
		sorted = append(sorted, kind)
	}
	slices.Sort(sorted)
	for _, kind := range sorted {
		row(kind, kind)
	}
	row("all", "")
	fmt.Fprintf(&b, "| joined | | %d | | %d |\n", len(Calibration()), len(Evaluation()))
	for i, s := range []string{Calibration(), Evaluation()} {
		fmt.Fprintf(&b, "\nSHA-256 of the %s text: `%x`\n", names[i], sha256.Sum256([]byte(s)))
	}
	return b.String()
}
