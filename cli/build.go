package cli

import (
	"runtime/debug"

	"bitmill/quantize"
)

// build names the program: the version of the files that it writes, and the commit that it was built from where that is
// known.
func build() string {
	s := "bitmill " + quantize.FormatVersion
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return s
	}
	commit, changed := "", ""
	for _, x := range info.Settings {
		switch {
		case x.Key == "vcs.revision":
			commit = x.Value[:min(len(x.Value), 12)]
		case x.Key == "vcs.modified" && x.Value == "true":
			changed = " with changes"
		}
	}
	if commit == "" {
		return s
	}
	return s + ", commit " + commit + changed
}
