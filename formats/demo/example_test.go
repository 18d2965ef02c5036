//go:build !nodemo && !slim

package demo_test

import (
	"fmt"
	"log"

	"bitmill/formats/demo"
)

func Example() {
	for _, m := range demo.Models() {
		files, err := m.Files()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Name, files[1].Name, len(files[1].Data))
	}
	// Output:
	// demo-s model.safetensors 6822456
	// demo-l model.safetensors 23079016
}
