package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"bitmill/formats"
	"bitmill/quantize"
)

// configEnv names the file of settings in place of the default, bitmill/config.yaml in the user's folder for settings.
const configEnv = "BITMILL_CONFIG"

const configHelp = `

Settings: BITMILL_THREADS, BITMILL_CALIBRATION and BITMILL_TEXT (text files, or builtin), BITMILL_OUTPUT (folder),
BITMILL_LOCATE (thresholds) and BITMILL_METHOD (of run) hold where flags say nothing else; so do threads, calibration,
text, output, locate and method in bitmill/config.yaml in your folder for settings (~/.config on Linux), or in the file
that BITMILL_CONFIG names.`

// config are settings that hold for every command, as far as its flags say nothing else. Each is also a variable: that
// of calibration is BITMILL_CALIBRATION. A variable counts before the file.
type config struct {
	Threads     string `yaml:"threads"`
	Calibration string `yaml:"calibration"` // text file
	Text        string `yaml:"text"`        // evaluation text
	Output      string `yaml:"output"`      // folder
	Locate      string `yaml:"locate"`      // thresholds that run searches for
	Method      string `yaml:"method"`      // of run
}

// settingOf is the setting that stands for a flag; "" for most.
func settingOf(command, flag string) string {
	switch command + " " + flag {
	case "run calibration", "calibrate text", "quantize calibration":
		return "calibration"
	case "run text", "eval text":
		return "text"
	case "run output", "batch output":
		return "output"
	case "run locate":
		return "locate"
	case "run method":
		return "method"
	}
	if flag == "threads" {
		return flag
	}
	return ""
}

// givesWay reports whether other flags leave no use for a setting, so that it stands back without a word.
func givesWay(c *cli.Context, setting string) bool {
	switch c.Command.Name + " " + setting {
	case "run calibration":
		return c.Bool("no-imatrix") || c.String("imatrix") != "" && c.String("method") == quantize.Reference
	case "quantize calibration":
		return !quantize.Fits(c.String("method"))
	case "eval text":
		return len(c.StringSlice("tasks")) > 0 && !c.Bool("oracle")
	}
	return false
}

// applyConfig sets the flags that are not given and have a setting.
func applyConfig(c *cli.Context) error {
	file, from, err := readConfig()
	if err != nil {
		return err
	}
	values := map[string]string{"threads": file.Threads, "calibration": file.Calibration, "text": file.Text,
		"output": file.Output, "locate": file.Locate,
		"method": file.Method}
	places := map[string]string{}
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		setting := settingOf(c.Command.Name, name)
		if setting == "" || c.IsSet(name) || givesWay(c, setting) {
			continue
		}
		value, place := values[setting], fmt.Sprintf("%s in %s", setting, from)
		if v := os.Getenv("BITMILL_" + strings.ToUpper(setting)); v != "" {
			value, place = v, "BITMILL_"+strings.ToUpper(setting)
		}
		if value == "" {
			continue
		}
		if err := c.Set(name, value); err != nil {
			return usagef("%s %q: %v", place, value, err)
		}
		places["--"+name] = place
	}
	c.App.Metadata = map[string]any{placesKey: places}
	return nil
}

// placesKey is where applyConfig leaves which flags it set, and where their settings stand.
const placesKey = "places of settings"

// namesPlaces makes a check or an action name the setting, not the flag, in an error about a flag that nobody typed.
func namesPlaces(do func(*cli.Context) error) func(*cli.Context) error {
	return func(c *cli.Context) error { return inPlace(c, do(c)) }
}

// inPlace is an error that names the setting instead of the flag which it set.
func inPlace(c *cli.Context, err error) error {
	if !errors.As(err, new(usageError)) {
		return err
	}
	places, _ := c.App.Metadata[placesKey].(map[string]string)
	for flag, place := range places {
		if what, ok := strings.CutPrefix(err.Error(), flag+" "); ok {
			return usagef("%s %s", place, what)
		}
	}
	return err
}

// readConfig reads the file of settings; there need not be one, unless configEnv names it.
func readConfig() (o config, path string, err error) {
	path = os.Getenv(configEnv)
	if path == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return o, "", nil // no such folder on this system
		}
		path = filepath.Join(dir, "bitmill", "config.yaml")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return o, "", nil
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return o, path, fmt.Errorf("settings: %w", err)
	}
	d := yaml.NewDecoder(strings.NewReader(string(data)))
	d.KnownFields(true)
	if err := d.Decode(&o); err != nil && len(strings.TrimSpace(string(data))) > 0 {
		return o, path, usagef("%s: the settings cannot be read: %v", path, formats.YAMLError(err))
	}
	return o, path, nil
}
