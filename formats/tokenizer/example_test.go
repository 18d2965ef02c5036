package tokenizer_test

import (
	"fmt"
	"log"

	"bitmill/formats/tokenizer"
)

func Example() {
	tok, err := tokenizer.FromFolder("testdata")
	if err != nil {
		log.Fatal(err)
	}
	ids := tok.Encode("the tokenizer<|endoftext|>", tokenizer.Options{ParseSpecial: true})
	fmt.Println(ids)
	fmt.Printf("%s\n", tok.Decode(ids))
	// Output:
	// [919 281 75 277 769 268 0]
	// the tokenizer<|endoftext|>
}
