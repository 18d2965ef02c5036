package steps

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"bitmill/formats/file"
	"bitmill/formats/store"
)

// ErrForeign marks an output path that holds a file which bitmill did not write.
var ErrForeign = errors.New("bitmill did not write the file that is there: choose another name, or pass --force to " +
	"replace it")

// CheckFree is CheckOutput for a file outside of locked folders: it also fails, with file.ErrBusy, when another process
// is writing path. It takes that process's lock for a moment, so that of two that start together one may be refused.
func CheckFree(path string, force bool) error {
	if store.IsURL(path) { // an object is created; none is replaced that was not meant
		return store.CheckTarget(path, store.Options{Replace: force})
	}
	if st, err := os.Stat(path + ".part"); err == nil && st.Mode().IsRegular() {
		release, err := file.Lock(path + ".part")
		if errors.Is(err, file.ErrBusy) {
			return fmt.Errorf("%s: %w; wait for it, or choose another name", path, file.ErrBusy)
		}
		if err == nil {
			release()
		}
	}
	return CheckOutput(path, force)
}

// CheckOutput fails with ErrForeign when path holds a file that bitmill did not write, unless force is set. GGUF files
// and empty ones may be replaced, whoever wrote them.
func CheckOutput(path string, force bool) error {
	st, err := os.Stat(path)
	if force || err != nil || !st.Mode().IsRegular() || st.Size() == 0 {
		return nil // nothing to lose, or file.CheckTarget tells
	}
	if _, recorded := Recorded(path); recorded {
		return nil
	}
	if ours, err := written(path); err != nil || ours {
		return err
	}
	return fmt.Errorf("%s: %w", path, ErrForeign)
}

// marks are what the beginnings of files that bitmill writes hold.
var marks = []string{
	"\n \"tool\": \"bitmill ",                       // report.json
	"<meta name=\"generator\" content=\"bitmill\">", // report.html
	"{\n \"jobs\": [\n  {\n   \"name\": ",           // batch.json
	"<testsuite name=\"bitmill check\"",             // JUnit
	"model,format,file,sha256,method,file_bytes,",   // report.csv
}

// written reports whether the file's first bytes are those of a file that bitmill writes, or of a GGUF file.
func written(path string) (bool, error) {
	f, _, err := file.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 1024)
	n, err := f.Read(head)
	if err != nil {
		return false, err
	}
	head = head[:n]
	if bytes.HasPrefix(head, []byte("GGUF")) || bytes.HasPrefix(head, []byte("# bitmill report\n")) || isManifest(head) {
		return true, nil
	}
	for _, m := range marks {
		if bytes.Contains(head, []byte(m)) {
			return true, nil
		}
	}
	return false, nil
}

// isManifest reports whether a file begins with a line of bitmill verify: a tensor's hash and its name.
func isManifest(head []byte) bool {
	const digits = 64
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return len(line) > digits+2 && string(line[digits:digits+2]) == "  " &&
		len(bytes.Trim(line[:digits], "0123456789abcdef")) == 0 &&
		(bytes.HasSuffix(line, []byte(".weight")) || bytes.HasSuffix(line, []byte(".bias")))
}
