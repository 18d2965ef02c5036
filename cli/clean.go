package cli

import (
	"cmp"
	"fmt"
	"time"

	"bitmill/formats"
	"bitmill/formats/store"
)

// leftoverAge is how old an upload must be for batch --clean to take it for one that was left: uploads of large files
// take hours.
const leftoverAge = 24 * time.Hour

// leftover is an unfinished upload.
type leftover struct {
	Name    string `json:"name"`
	Begun   string `json:"begun"` // RFC 3339
	Aborted bool   `json:"aborted"`
	left    string // what is said of one that is not
}

// cleanUploads aborts the uploads below a prefix that nobody completes any more: those that are a day old, or all. A dry
// one lists them. One of unknown age is not old.
func cleanUploads(e env, prefix string, all, dry bool) error {
	if !store.IsURL(prefix) {
		return usagef("--clean %s: name a prefix of objects, s3://BUCKET/PREFIX", prefix)
	}
	found, err := store.Leftovers(prefix)
	if err != nil {
		return err
	}
	list, aborted := []leftover{}, 0
	for _, l := range found {
		row := leftover{Name: store.Plain(l.Name), Begun: l.Begun.UTC().Format(time.RFC3339)}
		if old := !l.Begun.IsZero() && time.Since(l.Begun) >= leftoverAge; all || old {
			row.left = "would be aborted"
			if !dry {
				if err := l.Abort(); err != nil {
					return err
				}
				row.Aborted = true
				aborted++
			}
		}
		list = append(list, row)
	}
	if e.json {
		return e.printJSON(list)
	}
	for _, row := range list {
		what := cmp.Or(row.left, "kept, it may still be written: --force aborts it")
		if row.Aborted {
			what = "aborted"
		}
		fmt.Fprintf(e.stdout, "%s, begun %s: %s\n", printable(row.Name), row.Begun, what)
	}
	_, err = fmt.Fprintf(e.stdout, "%s, %d aborted\n", formats.Several(len(list), "unfinished upload"), aborted)
	return err
}
