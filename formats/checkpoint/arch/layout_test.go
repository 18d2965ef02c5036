package arch

import (
	"slices"
	"testing"
)

// TestTile: heads of groups become first heads of all groups, then second ones, behind the rows that stay.
func TestTile(t *testing.T) {
	tile := Tile{From: 1, Groups: 2, Heads: 3, Size: 2}
	var got, back []int64
	for r := range int64(13) {
		got, back = append(got, tile.At(r)), append(back, tile.At(tile.Inverse().At(r)))
	}
	if want := []int64{0, 1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12}; !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
	if want := []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; !slices.Equal(back, want) {
		t.Errorf("there and back: %v", back)
	}
}

// TestParts: of every span the parts of one kind, then those of the next.
func TestParts(t *testing.T) {
	l := Layout{Parts: [3]int64{1, 2, 1}, Span: 6}
	var got []int64
	for r := range int64(8) {
		got = append(got, l.Row(r, 8))
	}
	if want := []int64{0, 6, 1, 2, 7, 8, 3, 9}; !slices.Equal(got, want) {
		t.Errorf("rows %v, want %v", got, want)
	}
}
