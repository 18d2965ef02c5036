//go:build !nodemo && !slim && !race

package oracle_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/calibrate/oracle"
	"bitmill/formats/checkpoint"
	"bitmill/formats/demo"
)

// The logits of a window do not depend on what follows it.
func Example() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	files, err := demo.Models()[0].Files()
	check(err)
	for _, f := range files {
		check(os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600))
	}
	c, err := checkpoint.Open(dir)
	check(err)
	defer c.Close()

	o, err := oracle.New(c, oracle.Options{})
	check(err)
	defer o.Close()
	long, err := o.Logits(context.Background(), []int32{1, 300, 301, 302})
	check(err)
	short, err := o.Logits(context.Background(), []int32{1, 300})
	check(err)
	distance, agree := oracle.Compare(long[:2], short)
	fmt.Printf("%d rows of %d logits, %d with the same best token, distance below 1e-5: %v\n",
		len(short), len(short[0]), agree, distance < 1e-5)
	// Output: 2 rows of 4096 logits, 2 with the same best token, distance below 1e-5: true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
