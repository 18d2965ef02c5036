package pattern_test

import (
	"fmt"
	"log"

	"bitmill/formats/tokenizer/pattern"
)

func Example() {
	p, err := pattern.Compile(`'s|\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+`)
	if err != nil {
		log.Fatal(err)
	}
	var pieces []string
	p.Split("It's 1234 é!", func(piece string) { pieces = append(pieces, piece) })
	fmt.Printf("%q\n", pieces)
	_, err = pattern.Compile(`(a)\1`)
	fmt.Println(err)
	// Output:
	// ["It" "'s" " " "123" "4" " " "é" "!"]
	// not supported: the pattern (a)\1: the escape \1, at byte 5
}
