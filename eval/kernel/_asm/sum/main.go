// Command sum writes the SHA-256 of every generator source and every generated file of a package to _asm/generated.sums,
// so that a test can tell, without running generators, that both belong together.
package main

import (
	"crypto/sha256"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	root := os.Args[1]
	var out strings.Builder
	for _, pattern := range []string{"_asm/go.mod", "_asm/go.sum", "_asm/*/*.go", "*_avx*_amd64.go", "*_avx*_amd64.s"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			log.Fatalf("no %s in %s: %v", pattern, root, err)
		}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				log.Fatal(err)
			}
			name, err := filepath.Rel(root, f)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(data), filepath.ToSlash(name))
		}
	}
	if err := os.WriteFile(filepath.Join(root, "_asm", "generated.sums"), []byte(out.String()), 0o666); err != nil {
		log.Fatal(err)
	}
}
