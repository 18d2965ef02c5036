package cli

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/store"
	"bitmill/formats/store/storetest"
)

// inProcess runs bitmill here.
func inProcess(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(append([]string{"bitmill"}, args...), &out, &err)
	return code, out.String(), err.String()
}

// must runs bitmill, which must succeed, and returns what it prints.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := inProcess(args...)
	if code != 0 {
		t.Fatalf("bitmill %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// What is said of a model in a bucket is what is said of it on the disk.
func TestModelsByURL(t *testing.T) {
	s, url := storetest.Start(t)
	dir := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	gguf := filepath.Join(t.TempDir(), "q.gguf")
	must(t, "quantize", dir, gguf, "-f", "Q4_K_M", "--quiet")
	s.PutFolder(t, "llama", dir)
	s.PutFolder(t, "out", filepath.Dir(gguf))
	pairs := [][2]string{{dir, url + "/llama"}, {gguf, url + "/out/q.gguf"}}
	for _, p := range pairs {
		for _, args := range [][]string{{"inspect", "--hash"}, {"plan", "--json", "--allow-requantize"}, {"verify"}} {
			local := must(t, append(args, p[0])...)
			remote := must(t, append(args, p[1])...)
			if want := strings.ReplaceAll(local, p[0], p[1]); remote != want {
				t.Errorf("%q: %s instead of %s", args, remote, want)
			}
		}
		must(t, "diff", p[0], p[1])
	}
	must(t, "verify", gguf, "--source", url+"/llama")
	must(t, "inspect", "file://"+filepath.ToSlash(gguf))
}

// What is written to a bucket is what is written to the disk; an object is created once.
func TestWritingByURL(t *testing.T) {
	s, url := storetest.Start(t)
	dir := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	s.PutFolder(t, "llama", dir)
	local := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
	}{{"a.gguf", []string{"quantize", "-f", "Q4_K_M"}}, {"b.gguf", []string{"convert"}},
		{"c.gguf", []string{"convert", "--vocab-only"}}} {
		command, flags := c.args[0], c.args[1:]
		must(t, append([]string{command, dir, filepath.Join(local, c.name)}, flags...)...)
		must(t, append([]string{command, url + "/llama", url + "/out/" + c.name}, flags...)...)
		want, err := os.ReadFile(filepath.Join(local, c.name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Object("out/"+c.name), want) {
			t.Errorf("%s differs", c.name)
		}
		again := append([]string{command, url + "/llama", url + "/out/" + c.name}, flags...)
		if code, _, stderr := inProcess(again...); code == 0 || !strings.Contains(stderr, "--force") {
			t.Errorf("%s again: exit code %d, %s", c.name, code, stderr)
		}
		must(t, append(again, "--force")...)
	}
	must(t, "quantize", dir, url+"/split.gguf", "-f", "Q8_0", "--split-max-size", "2M")
	first := slices.IndexFunc(s.Keys(), func(k string) bool { return strings.HasPrefix(k, "split-00001-of-") })
	must(t, "verify", url+"/"+s.Keys()[max(0, first)], "--source", dir)
	if s.Uploads() != 0 {
		t.Errorf("%d uploads are left", s.Uploads())
	}
	code, _, stderr := inProcess("quantize", dir, "s3://other/x.gguf", "-f", "Q8_0")
	if code == 0 || !strings.Contains(stderr, "no bucket other") {
		t.Errorf("another bucket: exit code %d, %s", code, stderr)
	}
}

// A run over a model and a text in a bucket makes the files of a run over those on the disk.
func TestRunByURL(t *testing.T) {
	s, url := storetest.Start(t)
	dir := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	text := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("the cat sat on the mat and saw it all. ", 300)), 0o644); err != nil {
		t.Fatal(err)
	}
	s.PutFolder(t, "llama", dir)
	s.PutFolder(t, "text", filepath.Dir(text))
	flags := []string{"-f", "Q4_K_M", "--chunks", "2", "--ctx", "64", "--quiet", "--calibration", text}
	local, remote := filepath.Join(t.TempDir(), "local"), filepath.Join(t.TempDir(), "remote")
	must(t, append([]string{"run", dir, "-o", local, "--text", text}, flags...)...)
	must(t, append([]string{"run", url + "/llama", "-o", remote, "--text", url + "/text/text.txt"}, flags...)...)
	for _, name := range []string{"llama-Q4_K_M.gguf", "imatrix.gguf"} {
		a, errA := os.ReadFile(filepath.Join(local, "llama", name))
		b, errB := os.ReadFile(filepath.Join(remote, "llama", name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", name, errA, errB)
		}
	}
}

func TestCleaning(t *testing.T) {
	s, url := storetest.Start(t)
	w, err := store.Create(url+"/a/x", 0, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if _, err := w.Write(make([]byte, 33<<20)); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "batch", "--clean", url+"/a"); !strings.Contains(out, "1 unfinished upload, 0 aborted") || s.Uploads() != 1 {
		t.Errorf("%d uploads, %s", s.Uploads(), out)
	}
	if out := must(t, "batch", "--clean", url+"/b", "--force"); !strings.Contains(out, "0 aborted") || s.Uploads() != 1 {
		t.Errorf("%d uploads, %s", s.Uploads(), out)
	}
	if out := must(t, "batch", "--clean", url+"/a", "--force", "--dry-run"); !strings.Contains(out, "would be aborted\n1 unfinished upload, 0 aborted") ||
		s.Uploads() != 1 {
		t.Errorf("%d uploads, %s", s.Uploads(), out)
	}
	if out := must(t, "batch", "--clean", url+"/a", "--force"); !strings.Contains(out, "1 aborted") || s.Uploads() != 0 {
		t.Errorf("%d uploads, %s", s.Uploads(), out)
	}
}

// After Ctrl-C nothing is said of going on: an upload is begun anew.
func TestInterruptedUpload(t *testing.T) {
	s, url := storetest.Start(t)
	dir := checkpointtest.Load(t, "llama").FolderWithTokenizer(t)
	cmd := bitmill(t, "quantize", dir, url+"/x.gguf", "-f", "Q8_0", "--quiet")
	s.Fault = func(r *http.Request) (int, string) {
		if r.Method != "PUT" {
			return 0, ""
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Log(err)
			cmd.Process.Kill()
		}
		io.Copy(io.Discard, r.Body) // then the end of the connection is noticed
		select {
		case <-r.Context().Done():
		case <-time.After(10 * time.Second):
		}
		return 500, "InternalError"
	}
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); runtime.GOOS != "windows" && (code != exitInterrupted ||
		!strings.Contains(string(out), "no file was written") || strings.Contains(string(out), "continue")) {
		t.Errorf("exit code %d: %s", code, out)
	}
	if len(s.Keys()) != 0 || s.Uploads() != 0 {
		t.Errorf("objects %q, %d uploads", s.Keys(), s.Uploads())
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	s, url := storetest.Start(t)
	s.Put("x", nil)
	for _, c := range []struct {
		say  string
		args []string
	}{
		{"must be on this machine", []string{"split", url + "/x", "y"}},
		{"--junit of bitmill check must be on this machine", []string{"check", "r.json", "--junit", url + "/x"}},
		{"http:// cannot be opened", []string{"inspect", "http://x/y"}},
		{"go build -tags clouds", []string{"inspect", "gs://x/y"}},
		{"no credentials", []string{"inspect", "s3://key:secretsecret@bucket/y"}},
		{"no such file or folder", []string{"inspect", url + "/none"}},
		{"file URL names a whole path", []string{"inspect", "file://x"}},
	} {
		code, _, stderr := inProcess(c.args...)
		if strings.Contains(c.say, "clouds") && len(store.Schemes()) > 1 {
			continue
		}
		if code == 0 || !strings.Contains(stderr, c.say) || strings.Contains(stderr, "secretsecret") {
			t.Errorf("%q: exit code %d, %s", c.args, code, stderr)
		}
	}
}
