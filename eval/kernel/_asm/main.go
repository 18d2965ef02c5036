// Command _asm generates the assembly of the module: every target in the table, or the one that -target names.
//
// A target takes a process of its own, because avo builds one file in global state.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/mmcloughlin/avo/build"

	"bitmill/eval/kernel/_asm/generated"
)

const module = "../.." // from eval/kernel, where go generate runs

func main() {
	log.SetFlags(0)
	name := flag.String("target", "", "generate only the target `NAME`")
	to := flag.String("to", module, "write to the same folders in `FOLDER` instead of the module")
	flag.Parse()
	run := all
	if *name != "" {
		run = func(to string) error { return one(*name, to) }
	}
	if err := run(*to); err != nil {
		log.Fatal(err)
	}
	if *to == module {
		sums, err := generated.Sums(module)
		if err == nil {
			err = os.WriteFile(filepath.Join(module, generated.File), []byte(sums), 0o666)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

// all generates every target.
func all(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	next, failures := make(chan target), make([]error, len(targets))
	for i := range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for t := range next {
				if out, err := exec.Command(self, "-target", t.name, "-to", to).CombinedOutput(); err != nil {
					failures[i] = errors.Join(failures[i], fmt.Errorf("%s: %w\n%s", t.name, err, out))
				}
			}
		})
	}
	for _, t := range targets {
		next <- t
	}
	close(next)
	wg.Wait()
	return errors.Join(failures...)
}

// one generates a target: NAME_amd64.s, and its stubs in NAME_amd64.go.
func one(name, to string) error {
	i := slices.IndexFunc(targets, func(t target) bool { return t.name == name })
	if i < 0 {
		return fmt.Errorf("no target %q", name)
	}
	t := targets[i]
	folder := filepath.Join(to, t.folder)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	file := filepath.Join(folder, name+"_amd64")
	for option, value := range map[string]string{"out": file + ".s", "stubs": file + ".go", "pkg": path.Base(t.folder)} {
		if err := flag.Set(option, value); err != nil {
			return err
		}
	}
	build.ConstraintExpr("!purego")
	t.emit()
	build.Generate()
	return errors.Join(setHeader(file+".s"), setHeader(file+".go"))
}

// setHeader replaces the first line, in which avo repeats the command.
func setHeader(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(data, []byte("\n"))
	return os.WriteFile(file, append([]byte(generated.Header), rest...), 0o666)
}
