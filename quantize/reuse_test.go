package quantize

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats/checkpoint"
)

// converted counts the tensors that are encoded anew or copied from an earlier artifact.
func converted(p *Plan) (n int) {
	for i := range p.Tensors {
		if p.Tensors[i].Converted() {
			n++
		}
	}
	return n
}

func writeOne(t *testing.T, c *checkpoint.Checkpoint, p *Plan, path string, reuse ...string) Written {
	t.Helper()
	written, err := Write(context.Background(), c, nil, []Artifact{{Plan: p, Path: path}}, WriteOptions{Reuse: reuse})
	if err != nil {
		t.Fatal(err)
	}
	return written[0]
}

func TestOneOverrideEncodesOnlyItsTensors(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	plain := mustPlan(t, c, Options{Format: "Q4_K_M"})
	changed := mustPlan(t, c, Options{Format: "Q4_K_M", TensorTypes: []string{`blk\.0\.attn_q=q8_0`}})
	differ := 0
	for i := range plain.Tensors {
		if plain.Tensors[i].Type != changed.Tensors[i].Type {
			differ++
		}
	}
	path := filepath.Join(dir, "a.gguf")
	writeOne(t, c, plain, path)
	want := writeOne(t, c, changed, filepath.Join(dir, "b.gguf"))
	if want.Reused != 0 {
		t.Errorf("%d tensors were reused from nowhere", want.Reused)
	}
	got := writeOne(t, c, changed, path, path) // in the place of the file it is made from
	if got.SHA256 != want.SHA256 {
		t.Error("reusing changed the bytes")
	}
	if n := converted(changed) - differ; differ != 1 || got.Reused != n {
		t.Errorf("%d of %d converted tensors were reused, want %d", got.Reused, converted(changed), n)
	}
}

// The tensors are really copied: a mark left in the earlier artifact is found in the new one.
func TestReusedTensorsAreCopied(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	p := mustPlan(t, c, Options{Format: "Q8_0"})
	a, b := filepath.Join(dir, "a.gguf"), filepath.Join(dir, "b.gguf")
	clean := writeOne(t, c, p, a)
	tensor := 0
	for !p.Tensors[tensor].Converted() {
		tensor++
	}
	poke(t, a, p.Layout.Offsets[tensor]+5)
	if got := writeOne(t, c, p, b, a); got.SHA256 == clean.SHA256 || got.Reused != converted(p) {
		t.Errorf("%d tensors reused, but the mark is not among them", got.Reused)
	}
	sameFile(t, a, b)
}

// Damage in an earlier artifact is not blamed on the source.
func TestDamagedDonor(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	p := mustPlan(t, c, Options{Format: "Q8_0"})
	a, b := filepath.Join(dir, "a.gguf"), filepath.Join(dir, "b.gguf")
	writeOne(t, c, p, a)
	tensor := 0
	for !p.Tensors[tensor].Converted() {
		tensor++
	}
	data, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[p.Layout.Offsets[tensor]:], []byte{0x00, 0x7c}) // an infinite scale
	if err := os.WriteFile(a, data, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Write(context.Background(), c, nil, []Artifact{{Plan: p, Path: b}}, WriteOptions{Reuse: []string{a}})
	if err == nil || !strings.Contains(err.Error(), "row 0, column 0: in the earlier artifact that it is copied from, the block's scale") {
		t.Errorf("error %v", err)
	}
}

// Artifacts of other formats give what they have in common, and several artifacts share a donor.
func TestOtherFormatsAreDonors(t *testing.T) {
	c, dir := openCase(t, "llama"), t.TempDir()
	six := filepath.Join(dir, "six.gguf")
	writeOne(t, c, mustPlan(t, c, Options{Format: "Q6_K"}), six)
	names := []string{"Q4_K_M", "Q5_K_M", "F16"}
	want := writeAll(t, c, t.TempDir(), 1, names...)
	written, err := Write(context.Background(), c, nil, keyed(t, c, dir, names...), WriteOptions{Reuse: []string{six}})
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range written {
		if w.SHA256 != want[i] || (w.Reused > 0) != (names[i] != "F16") {
			t.Errorf("%s: %d tensors reused, hash equal: %v", names[i], w.Reused, w.SHA256 == want[i])
		}
	}
	if _, err := Write(context.Background(), c, nil, keyed(t, c, dir, "Q2_K"), WriteOptions{Reuse: []string{filepath.Join(dir, "none")}}); err == nil {
		t.Error("a donor that does not exist")
	}
}

// poke changes one byte of a file.
func poke(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}
