package file_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"bitmill/formats/file"
)

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.gguf")
	p, err := file.Create(path, 5)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Abort()
	fmt.Fprint(p, "bytes")
	_, err = os.Stat(path)
	fmt.Println("before Commit:", os.IsNotExist(err))
	if err := p.Commit(); err != nil {
		log.Fatal(err)
	}
	m, err := file.Map(path)
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Printf("after Commit: %s\n", m.Data)
	// Output:
	// before Commit: true
	// after Commit: bytes
}
