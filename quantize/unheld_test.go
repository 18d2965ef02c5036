package quantize

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats/checkpoint"
)

// beyondF16 is case "llama" with 70144, which F16 cannot hold, in one matrix.
func beyondF16(t *testing.T) *checkpoint.Checkpoint {
	return damaged(t, "model.layers.0.mlp.up_proj.weight", 256*5+9, 0x4789)
}

const unheldInF16 = "F16: 1 tensor (blk.0.ffn_up.weight) holds 70144 in row 5, column 9, beyond 65504, the largest number " +
	"of F16; BF16 holds it, as the format or for this tensor alone (--tensor-type '^blk\\.0\\.ffn_up\\.weight$=BF16')"

// checkBlocked expects F16 to be blocked by a value, and nothing else.
func checkBlocked(t *testing.T, err error) {
	t.Helper()
	var partial *PartialError
	if !errors.As(err, &partial) || len(partial.Blocked) != 1 || partial.Blocked[0].Error() != unheldInF16 {
		t.Errorf("error %v, want one that blocks F16", err)
	}
}

// A value that one type cannot hold blocks its format and no other: these are what they are without it, and no file of
// the blocked one is left, also while the others are written.
func TestUnheldValueBlocksOneFormat(t *testing.T) {
	c := beyondF16(t)
	want := writeAll(t, c, t.TempDir(), 1, "Q4_K_M", "Q8_0", "BF16")
	for _, threads := range []int{1, 4} {
		dir := t.TempDir()
		artifacts := keyed(t, c, dir, "F16", "Q4_K_M", "Q8_0", "BF16")
		var done []string
		written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{Threads: threads, JournalEvery: atOnce,
			Done: func(w Written) error {
				done = append(done, w.SHA256)
				for _, ending := range []string{"", ".part", ".part.journal"} {
					if _, err := os.Stat(artifacts[0].Path + ending); err == nil {
						t.Errorf("F16.gguf%s is there when others are complete", ending)
					}
				}
				return nil
			}})
		checkBlocked(t, err)
		if len(written) != 3 || !equal(done, want) {
			t.Errorf("%d threads: %v, want %v", threads, done, want)
		}
		if list, _ := os.ReadDir(dir); len(list) != 3 {
			t.Errorf("left: %v", list)
		}
	}
}

// Without any format that holds the value nothing is made, and an earlier file stays.
func TestUnheldValueBlocksAll(t *testing.T) {
	c, dir := beyondF16(t), t.TempDir()
	artifacts := keyed(t, c, dir, "F16", "TQ2_0")
	if err := os.WriteFile(artifacts[0].Path, []byte("earlier"), 0o644); err != nil {
		t.Fatal(err)
	}
	written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{})
	var partial *PartialError
	if len(written) != 0 || !errors.As(err, &partial) || len(partial.Blocked) != 2 ||
		!strings.HasSuffix(err.Error(), "; TQ2_0 cannot be made either") || !strings.HasPrefix(err.Error(), c.Path) ||
		!strings.Contains(partial.Blocked[1].Error(), "its TQ2_0 block would be beyond 65504, the largest number of F16; Q8_0 holds it") {
		t.Errorf("%v, %v", written, err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("left: %v", list)
	}
}

// The format is made with another type for the tensor, as the error says.
func TestUnheldValueInAnotherType(t *testing.T) {
	c := beyondF16(t)
	p := mustPlan(t, c, Options{Format: "F16", TensorTypes: []string{`^blk\.0\.ffn_up\.weight$=BF16`}})
	if _, err := Write(context.Background(), c, nil, []Artifact{{Plan: p, Path: filepath.Join(t.TempDir(), "a")}}, WriteOptions{}); err != nil {
		t.Error(err)
	}
}

// An interruption behind the value keeps the other formats' work only; once the source is repaired, all are made.
func TestUnheldValueAndInterruption(t *testing.T) {
	c, dir := beyondF16(t), t.TempDir()
	artifacts := keyed(t, c, dir, "F16", "Q8_0")
	interrupt(t, c, artifacts, 0.9)
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || !equal(list, []string{artifacts[1].Path + ".part", artifacts[1].Path + ".part.journal"}) {
		t.Fatalf("left: %v, %v", list, err)
	}
	written, err := Write(context.Background(), c, nil, artifacts, WriteOptions{})
	checkBlocked(t, err)
	if len(written) != 1 || written[0].Resumed == 0 {
		t.Errorf("%+v", written)
	}
	repaired := openCase(t, "llama")
	again := keyed(t, repaired, dir, "F16", "Q8_0")
	for i := range again {
		again[i].ResumeKey = "another source"
	}
	written, err = Write(context.Background(), repaired, nil, again, WriteOptions{})
	if err != nil || !equal([]string{written[0].SHA256, written[1].SHA256}, writeAll(t, repaired, t.TempDir(), 1, "F16", "Q8_0")) {
		t.Errorf("repaired: %v, %v", written, err)
	}
}

// Values so large that the sums of a search overflow, or that a type would cut off, are not lost without a word.
func TestFarValuesBlockEveryScaleInF16(t *testing.T) {
	c := damaged(t, "model.layers.1.mlp.down_proj.weight", 512*7+3, 0x7149) // 1e30
	for _, name := range []string{"Q8_0", "Q6_K", "Q3_K_S", "Q4_0", "F16", "TQ1_0"} {
		_, err := Write(context.Background(), c, nil, keyed(t, c, t.TempDir(), name), WriteOptions{})
		var blocked *BlockedError
		if !errors.As(err, &blocked) || !strings.Contains(err.Error(), "holds 9.95304e+29 in row 7, column 3") ||
			!strings.Contains(err.Error(), "; BF16 holds it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := mustPlan(t, c, Options{Format: "MXFP4_MOE", TensorTypes: []string{"ffn_down=nvfp4"}})
	_, err := Write(context.Background(), c, nil, []Artifact{{Plan: p, Path: filepath.Join(t.TempDir(), "a")}}, WriteOptions{})
	if err == nil || !strings.Contains(err.Error(), "in row 7, column 3, beyond the 2688 that NVFP4 can hold; BF16 holds it") {
		t.Errorf("NVFP4: %v", err)
	}
}

// A size is not reached with a type that cannot hold the sampled rows of a matrix.
func TestTargetAvoidsTypesThatDoNotHold(t *testing.T) {
	c := damaged(t, "model.layers.1.mlp.down_proj.weight", 512*8+3, 0x7149)
	least, most := bounds(t, c, nil)
	p := targetPlan(t, c, nil, Options{}, Target{Bytes: (least.FileBytes + most.FileBytes) / 2}, 2)
	if _, err := Write(context.Background(), c, nil, []Artifact{{Plan: p, Path: filepath.Join(t.TempDir(), "a")}}, WriteOptions{}); err != nil {
		t.Error(err)
	}
}
