package cli

import (
	"fmt"

	"bitmill/formats/file"
)

// spareInputs fails when an output is one of the inputs, by whatever name; outputs may be "".
func spareInputs(inputs []string, outputs ...string) error {
	for _, out := range outputs {
		for _, in := range inputs {
			if file.Same(in, out) {
				return fmt.Errorf("%s is one of the inputs: writing there would destroy it", out)
			}
		}
	}
	return nil
}
