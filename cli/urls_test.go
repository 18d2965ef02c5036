package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/store"
	"bitmill/formats/store/storetest"
)

// command runs bitmill.
func command(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Main(append([]string{"bitmill"}, args...), &out, &err)
	return code, out.String(), err.String()
}

// must runs bitmill, which must succeed, and returns what it prints.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := command(args...)
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
		code, _, stderr := command(c.args...)
		if strings.Contains(c.say, "clouds") && len(store.Schemes()) > 1 {
			continue
		}
		if code == 0 || !strings.Contains(stderr, c.say) || strings.Contains(stderr, "secretsecret") {
			t.Errorf("%q: exit code %d, %s", c.args, code, stderr)
		}
	}
}
