package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
)

// callJSON runs the command line in this process and reads the JSON it prints.
func callJSON(t *testing.T, v any, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Main(append([]string{"bitmill"}, args...), &stdout, &stderr); code != exitOK {
		t.Fatalf("bitmill %v: exit code %d: %s", args, code, stderr.Bytes())
	}
	if err := json.Unmarshal(stdout.Bytes(), v); err != nil {
		t.Fatalf("bitmill %v: %v", args, err)
	}
}

// What plan and --dry-run say is what quantize writes, to the byte, whatever the flags; and the result says how fast.
func TestPlanPredictsTheBytes(t *testing.T) {
	dir := t.TempDir()
	demo, llama := filepath.Join(dir, "demo-s"), checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	if err := writeDemo(demo); err != nil {
		t.Fatal(err)
	}
	imatrix := filepath.Join(dir, "imatrix.gguf")
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("One line of text after another. "), 300), 0o644); err != nil {
		t.Fatal(err)
	}
	callJSON(t, &struct{}{}, "calibrate", demo, "-t", text, "-o", imatrix, "--chunks", "1", "--json", "--quiet")
	for _, args := range [][]string{
		{demo, "-f", "Q4_K_M"},
		{demo, "-f", "Q4_K_M", "--no-provenance"},
		{demo, "-f", "Q3_K_S", "--imatrix", imatrix, "--exclude-weights", "ffn_up"},
		{demo, "-f", "Q3_K_S", "--imatrix", imatrix, "--include-weights", "ffn_up", "--include-weights", "attn"},
		{demo, "-f", "Q8_0", "--split-max-size", "1M"},
		{demo, "--target-bpw", "4.5", "--imatrix", imatrix},
		{demo, "--target-size", "2200KB", "--split-max-size", "500K"},
		{llama, "-f", "Q2_K", "--keep-split", "--override-kv", "a.new.key=str:text"},
	} {
		out := filepath.Join(t.TempDir(), "a.gguf")
		planArgs := append([]string{"plan", "--json", "--quiet"}, args...)
		quantizeArgs := append([]string{"quantize", "--json", "--quiet", args[0], out}, args[1:]...)
		var plan struct{ Artifacts []planRow }
		var dry, written writtenRow
		callJSON(t, &plan, planArgs...)
		callJSON(t, &dry, append(quantizeArgs, "--dry-run")...)
		if list, _ := os.ReadDir(filepath.Dir(out)); len(list) != 0 {
			t.Errorf("%v: a dry run left %v", args, list)
		}
		callJSON(t, &written, quantizeArgs...)
		p := plan.Artifacts[0]
		for what, got := range map[string]writtenRow{"dry run": dry, "artifact": written} {
			if got.FileBytes != p.FileBytes || got.PayloadBits != p.PayloadBits || got.Format != p.Format ||
				got.BPW != p.BPW {
				t.Errorf("%v: %s of %d bytes, %d bits as %s; planned %d, %d, %s", args, what, got.FileBytes,
					got.PayloadBits, got.Format, p.FileBytes, p.PayloadBits, p.Format)
			}
		}
		found, err := filepath.Glob(filepath.Join(filepath.Dir(out), "*.gguf"))
		if err != nil {
			t.Fatal(err)
		}
		total, planned := int64(0), int64(0)
		for i, path := range found {
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			total += st.Size()
			if len(found) > 1 && st.Size() != p.ShardBytes[i] {
				t.Errorf("%v: %s has %d bytes, planned %d", args, path, st.Size(), p.ShardBytes[i])
			}
		}
		for _, tensor := range p.Tensors {
			planned += 8 * tensor.Bytes
		}
		if total != p.FileBytes || planned != p.PayloadBits || len(found) != max(1, len(p.ShardBytes)) {
			t.Errorf("%v: %d files of %d bytes, planned %d", args, len(found), total, p.FileBytes)
		}
		if w := written; !(w.Seconds > 0 && w.PerSecond > 0 && w.InPerSecond > w.PerSecond && w.OutPerSecond > 0) ||
			dry.PerSecond != 0 {
			t.Errorf("%v: %v s, %v weights, %v and %v bytes a second", args, w.Seconds, w.PerSecond, w.InPerSecond,
				w.OutPerSecond)
		}
	}
}
