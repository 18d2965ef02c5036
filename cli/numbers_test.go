package cli

import (
	"fmt"
	"testing"
)

func TestNumbersOf(t *testing.T) {
	for word, want := range map[string]string{
		"512": "[512]", " 0": "[0]", "3-5": "[3 4 5]", "128-512+128": "[128 256 384 512]", "64-1000*2": "[64 128 256 512]",
		"7-7": "[7]", "0-4+3": "[0 3]",
	} {
		if got, err := numbersOf(word); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v; want %s", word, got, err, want)
		}
	}
	for _, word := range []string{"", "-1", "1-", "5-3", "a", "1-5+0", "1-5*1", "0-5*2", "1-5+", "1-2-3", "99999999999",
		"1-100000", "1-5+2*2"} {
		if got, err := numbersOf(word); err == nil {
			t.Errorf("%q was read as %v", word, got)
		}
	}
}
