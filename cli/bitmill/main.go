// Command bitmill quantizes, measures and reports on language models. See README.md.
package main

import (
	"os"

	"bitmill/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdout, os.Stderr)) }
