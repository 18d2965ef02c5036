package steps_test

import (
	"fmt"
	"os"
	"path/filepath"

	"bitmill/cli/steps"
	"bitmill/formats/file"
)

// A step is done once, and again when its inputs or its outputs have changed.
func Example() {
	dir, err := os.MkdirTemp("", "steps")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	store := steps.Store{Dir: dir}
	output := filepath.Join(dir, "upper.txt")
	step := func(input string) error {
		key, err := file.Key("upper", input) // covers all that the output depends on
		if err != nil {
			return err
		}
		if _, done := store.Done("upper", key); done {
			fmt.Println(input, "is done already")
			return nil
		}
		fmt.Println("working on", input)
		if err := file.Write(output, []byte(input)); err != nil {
			return err
		}
		sum, err := steps.HashFile(output)
		if err != nil {
			return err
		}
		written := file.Written{Path: filepath.Base(output), Bytes: int64(len(input)), SHA256: sum}
		return store.Save("upper", key, []file.Written{written}, nil)
	}
	for _, input := range []string{"a", "a", "b", "b"} {
		if err := step(input); err != nil {
			panic(err)
		}
	}
	os.Remove(output)
	if err := step("b"); err != nil {
		panic(err)
	}
	// Output:
	// working on a
	// a is done already
	// working on b
	// b is done already
	// working on b
}
