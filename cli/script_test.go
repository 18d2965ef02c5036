package cli

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/demo"
	"bitmill/formats/file/filetest"
	"bitmill/quantize"
)

// plainRun are settings that spare runs of tests what takes time and has tests of its own.
var plainRun = map[string]string{"BITMILL_LOCATE": locateNone, "BITMILL_METHOD": quantize.Reference}

// statusFile names a file for what Linux tells of the process when the command has ended.
const statusFile = "BITMILL_TEST_STATUS"

func TestMain(m *testing.M) {
	for name, value := range plainRun {
		if _, set := os.LookupEnv(name); !set {
			os.Setenv(name, value)
		}
	}
	testscript.Main(m, map[string]func(){
		"bitmill": func() {
			if err := filetest.Strike(); err != nil {
				panic(err)
			}
			code := Main(os.Args, os.Stdout, os.Stderr)
			if path := os.Getenv(statusFile); path != "" {
				status, _ := os.ReadFile("/proc/self/status")
				os.WriteFile(path, status, 0o644) // the test that asked for it tells
			}
			os.Exit(code)
		},
	})
}

// TestScripts runs the transcripts in testdata/script. Each finds in its folder: llama and mistral, checkpoints of
// two layers with a tokenizer; demo-s, the smaller demo model; and calibration.txt and evaluation.txt, a few windows
// each.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"llama", "mistral"} {
				if err := os.CopyFS(filepath.Join(e.WorkDir, name),
					os.DirFS(checkpointtest.Load(t, name).FolderWithTokenizer(t))); err != nil {
					return err
				}
			}
			if err := writeDemo(filepath.Join(e.WorkDir, "demo-s")); err != nil {
				return err
			}
			for name, text := range map[string]string{"calibration.txt": demo.Calibration,
				"evaluation.txt": demo.Evaluation} {
				if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(text[:min(len(text), 12000)]),
					0o644); err != nil {
					return err
				}
			}
			e.Setenv("HOME", e.WorkDir)
			for name, value := range plainRun {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// truncate FILE N cuts a file to its first N bytes; truncate FILE -N cuts N bytes off.
			"truncate": truncateCommand,
			// poke FILE OFFSET HEX overwrites bytes.
			"poke": pokeCommand,
			// case NAME... writes folders of checkpointtest's cases with a tokenizer.
			"case": func(ts *testscript.TestScript, neg bool, args []string) {
				for _, name := range args {
					folder := checkpointtest.Load(t, name).FolderWithTokenizer(t)
					ts.Check(os.CopyFS(ts.MkAbs(name), os.DirFS(folder)))
				}
			},
			// packed CASE KIND... writes folders of checkpointtest's Packed.
			"packed": func(ts *testscript.TestScript, neg bool, args []string) {
				for _, kind := range args[1:] {
					checkpointtest.Load(t, args[0]).Packed(t, ts.MkAbs("."), kind)
				}
			},
			// status N COMMAND... runs a command that must exit with code N.
			"status": statusCommand,
		},
	})
}

func writeDemo(dir string) error {
	for _, m := range demo.Models() {
		if m.Name != filepath.Base(dir) {
			continue
		}
		files, err := m.Files()
		if err != nil {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

func truncateCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE N")
	}
	path := ts.MkAbs(args[0])
	n := number(ts, args[1])
	if n < 0 {
		st, err := os.Stat(path)
		ts.Check(err)
		n += st.Size()
	}
	ts.Check(os.Truncate(path, n))
}

func pokeCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: poke FILE OFFSET HEX")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer f.Close()
	at := number(ts, args[1])
	if at < 0 {
		end, err := f.Seek(0, io.SeekEnd)
		ts.Check(err)
		at += end
	}
	_, err = f.WriteAt(unhex(ts, args[2]), at)
	ts.Check(err)
}

func statusCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if int64(code) != number(ts, args[0]) {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func number(ts *testscript.TestScript, s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	ts.Check(err)
	return n
}

func unhex(ts *testscript.TestScript, s string) []byte {
	b, err := hex.DecodeString(s)
	ts.Check(err)
	return b
}
