package cli

import (
	"os"

	"github.com/urfave/cli/v2"

	"bitmill/formats/checkpoint"
)

// requantizeFlag and loraFlag say how models are opened (env.source).
func requantizeFlag() cli.Flag {
	return &cli.BoolFlag{Name: "allow-requantize", Usage: "accept a source that is quantized already (FP8, GPTQ, AWQ, GGUF types)"}
}

func loraFlag() cli.Flag {
	return &cli.StringFlag{Name: "lora", Usage: "merge the LoRA adapter in `DIR` into the model, a Hugging Face folder, as it is read"}
}

// sourceOptions reads requantizeFlag and loraFlag.
func sourceOptions(c *cli.Context) checkpoint.OpenOptions {
	return checkpoint.OpenOptions{AllowRequantize: c.Bool("allow-requantize"), Adapter: c.String("lora")}
}

// among leaves the adapter to the Hugging Face folders among several models: files are measured as they are.
func (e env) among(path string) env {
	if st, err := os.Stat(path); err == nil && !st.IsDir() {
		e.Source.Adapter = ""
	}
	return e
}

// needFolder fails when there is an adapter and no folder among the models to merge it into.
func (e env) needFolder(paths ...string) error {
	if e.Source.Adapter == "" {
		return nil
	}
	for _, path := range paths {
		if st, err := os.Stat(path); err == nil && st.IsDir() {
			return nil
		}
	}
	return usagef("--lora %s: none of the models is a Hugging Face folder, which it could be merged into", e.Source.Adapter)
}
