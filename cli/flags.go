package cli

import (
	"math"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bitmill/eval"
	"bitmill/eval/kernel"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/arch"
	"bitmill/formats/cpu"
	"bitmill/quantize"
)

// requantizeFlag, loraFlag and noVocabFlag say how models are opened.
func requantizeFlag() cli.Flag {
	return &cli.BoolFlag{Name: "allow-requantize",
		Usage: "accept a source that is quantized already (FP8, GPTQ, AWQ, GGUF types)"}
}

func loraFlag() cli.Flag {
	return &cli.StringFlag{Name: "lora", TakesFile: true,
		Usage: "merge the LoRA adapter in `DIR` into the model, a Hugging Face folder, as it is read"}
}

func noVocabFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-vocab",
		Usage: "write a file without a vocabulary, which llama.cpp cannot load, where the folder's cannot be read"}
}

// mtpFlags decide on blocks that predict further tokens.
func mtpFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "mtp", Usage: "keep the blocks of a Hugging Face folder that predict further tokens (MTP), " +
			"also where llama.cpp's converter leaves them out"},
		&cli.BoolFlag{Name: "no-mtp", Usage: "leave those blocks out, also where llama.cpp's converter keeps them"},
	}
}

// sourceOptions reads requantizeFlag, loraFlag, noVocabFlag and mtpFlags.
func sourceOptions(c *cli.Context) checkpoint.OpenOptions {
	o := checkpoint.OpenOptions{AllowRequantize: c.Bool("allow-requantize"), Adapter: c.String("lora"),
		NoVocabulary: c.Bool("no-vocab")}
	switch {
	case c.Bool("mtp"):
		o.MTP = arch.KeepMTP
	case c.Bool("no-mtp"):
		o.MTP = arch.DropMTP
	}
	return o
}

// forceFlag allows to replace a file that bitmill did not write; see steps.CheckOutput.
func forceFlag() cli.Flag {
	return &cli.BoolFlag{Name: "force", Usage: "replace a file that is there even if bitmill did not write it"}
}

// memoryFlag bounds the memory of quantizing.
func memoryFlag() cli.Flag {
	return &cli.StringFlag{Name: "max-memory", Usage: "memory for the buffers of quantizing and for methods feedback and " +
		"tuned: a `SIZE` such as 2GiB (default: 512MiB; methods feedback and tuned: what is free)"}
}

// memory reads memoryFlag; 0: the default.
func memory(c *cli.Context) (int64, error) {
	if !c.IsSet("max-memory") {
		return 0, nil
	}
	return parseSize("--max-memory", c.String("max-memory"))
}

// kernelFlag returns the set of kernels that --kernel names; "" is the best one.
func kernelFlag(name string) (*kernel.Set, error) {
	if name == "" {
		return kernel.Best(), nil
	}
	s, err := kernel.Use(name)
	if err != nil {
		return nil, usagef("--kernel: %v", err)
	}
	return s, nil
}

// kernelNames lists the values of --kernel on this machine.
func kernelNames() string {
	var names []string
	for _, s := range kernel.Available() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// formatNames reads --formats, which may be repeated. Without it, it returns the seven headline formats; for "all",
// every format and true.
func formatNames(lists []string) (names []string, all bool, err error) {
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, n := range commaSeparated(lists) {
		switch {
		case n == "":
		case strings.EqualFold(n, "all"):
			all = true
			for _, f := range quantize.Formats() {
				add(f.Name)
			}
		default:
			f, err := quantize.ParseFormat(n)
			if err != nil {
				return nil, false, usageError{Err: err}
			}
			add(f.Name)
		}
	}
	switch {
	case names == nil && len(lists) > 0:
		return nil, false, usagef("--formats is empty; leave it out for the seven headline formats")
	case names == nil:
		names = quantize.Headline()
	}
	return names, all, nil
}

func commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print the result as JSON on standard output"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "show no progress"},
		&cli.IntFlag{Name: "threads", Usage: "worker threads, at least 1", DefaultText: "all cores"},
	}
}

// checkFlags refuses senseless numbers, and files without a name, before a command starts.
func checkFlags(c *cli.Context) error {
	if err := applyConfig(c); err != nil {
		return err
	}
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		switch f := f.(type) {
		case *cli.IntFlag:
			if err := checkCount(name, c.Int(name)); err != nil {
				return err
			}
		case *cli.StringFlag:
			if f.TakesFile && c.String(name) == stream && !slices.Contains(streamed[c.Command.Name], name) {
				return noStream("--" + name)
			}
		case *cli.StringSliceFlag:
			if f.TakesFile && slices.Contains(c.StringSlice(name), stream) {
				return noStream("--" + name)
			}
		}
	}
	if err := localFlags(c); err != nil {
		return err
	}
	if c.Bool("mtp") && c.Bool("no-mtp") {
		return usagef("give --mtp or --no-mtp, not both")
	}
	if x := c.Float64("kld-budget"); c.IsSet("kld-budget") && !(x > 0 && x <= math.MaxFloat64) {
		return usagef("--kld-budget %v: it must be a number of nats above 0", x)
	}
	if x := c.Float64("max-kld"); c.IsSet("max-kld") && !(x > 0 && x <= math.MaxFloat64) {
		return usagef("--max-kld %v: it must be a number of nats above 0", x)
	}
	if _, err := cpu.Choose(os.Getenv(cpu.Env)); err != nil {
		return usagef("%s: %v", cpu.Env, err)
	}
	return nil
}

// least is the smallest value of counts that cannot be 0.
var least = map[string]int{"ctx": eval.LeastContext, "threads": 1, "t": 1, "repetitions": 1, "split-max-tensors": 1}

// checkCount refuses a number below the least that its flag takes.
func checkCount(name string, n int) error {
	switch {
	case n >= least[name]:
		return nil
	case name == "ctx":
		return usagef("--ctx %d: a window needs at least %d tokens", n, eval.LeastContext)
	case least[name] > 0:
		return usagef("--%s %d: it must be at least %d", name, n, least[name])
	}
	return usagef("--%s %d: it must not be negative", name, n)
}
