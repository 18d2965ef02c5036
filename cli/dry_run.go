package cli

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"bitmill/cli/pipeline"
)

// dryRun says what a run would do, and writes nothing.
func dryRun(ctx context.Context, e env, o pipeline.Options) error {
	f, err := pipeline.DryRun(ctx, o, e.Events)
	if err != nil {
		return err
	}
	if err := pipeline.CheckRoom(o.Out, f.Bytes); err != nil {
		return err
	}
	if e.json {
		return e.printJSON(f)
	}
	fmt.Fprintf(e.stdout, "%s\n\n", f)
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "file\tbytes\t\n")
	for _, x := range f.Files {
		fmt.Fprintf(w, "%s\t%d\t\n", printable(x.Path), x.Bytes)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	w = tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\nstep\tof\t\tabout\t\n")
	for _, s := range f.Steps {
		about := pipeline.About(time.Duration(s.Seconds * float64(time.Second)))
		if s.Kept {
			about = "kept"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t\n", printable(s.What), s.Total, s.Unit, about)
	}
	return w.Flush()
}
