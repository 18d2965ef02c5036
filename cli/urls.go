package cli

import (
	"slices"

	"github.com/urfave/cli/v2"

	"bitmill/formats/store"
)

// remote lists by command what may be a URL of an object store: flags, and "" for the arguments.
var remote = map[string][]string{
	"inspect":   {""},
	"plan":      {"", "imatrix", "lora", "calibration"},
	"verify":    {"", "source", "imatrix"},
	"diff":      {""},
	"quantize":  {"", "imatrix", "lora", "calibration"},
	"convert":   {"", "lora"},
	"calibrate": {"", "text"},
	"eval":      {"", "text"},
	"tokenize":  {"", "file"},
	"run":       {"", "text", "calibration", "imatrix", "lora"},
}

// local makes paths of file URLs, and refuses other URLs where the command cannot take one.
func local(c *cli.Context, what, name string) (string, error) {
	path, err := store.Local(name)
	if err != nil {
		return "", usageError{Err: err}
	}
	if store.IsURL(path) && !slices.Contains(remote[c.Command.Name], what) {
		if what == "" {
			what = "an argument"
		} else {
			what = "--" + what
		}
		return "", usagef("%s: %s of bitmill %s must be on this machine, it cannot be a URL", store.Plain(path), what,
			c.Command.Name)
	}
	return path, nil
}

// localArguments is local for the arguments.
func localArguments(c *cli.Context, args []string) (err error) {
	for i := range args {
		if args[i], err = local(c, "", args[i]); err != nil {
			return err
		}
	}
	return nil
}

// localFlags is local for the flags that name files.
func localFlags(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		switch f := f.(type) {
		case *cli.StringFlag:
			if !f.TakesFile {
				continue
			}
			path, err := local(c, name, c.String(name))
			if err != nil {
				return err
			}
			if path != c.String(name) {
				if err := c.Set(name, path); err != nil {
					return err
				}
			}
		case *cli.StringSliceFlag:
			if !f.TakesFile {
				continue
			}
			for _, value := range c.StringSlice(name) {
				path, err := local(c, name, value)
				if err != nil {
					return err
				}
				if path != value {
					return usagef("%s: --%s takes a path: %s", value, name, path)
				}
			}
		}
	}
	return nil
}
