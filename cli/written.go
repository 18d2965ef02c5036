package cli

import (
	"cmp"
	"fmt"
	"time"

	"bitmill/cli/pipeline"
	"bitmill/formats/file"
	"bitmill/quantize"
)

type writtenRow struct {
	Path        string         `json:"path"`
	Format      string         `json:"format"`
	Recorded    string         `json:"recorded_format,omitempty"` // of a custom mix
	Parameters  int64          `json:"parameters"`
	PayloadBits int64          `json:"payload_bits"`
	BPW         string         `json:"bpw"`
	FileBytes   int64          `json:"file_bytes"`
	SHA256      string         `json:"sha256,omitempty"`
	Shards      []file.Written `json:"shards,omitempty"`
	Fallbacks   int            `json:"fallbacks"`
	Types       map[string]int `json:"types"`
	TypesBy     string         `json:"types_by,omitempty"`
	Overrides   []overrideRow  `json:"overrides,omitempty"`
	Kept        int            `json:"tensors_kept"`
	Reused      int            `json:"tensors_reused"`
	Warnings    []string       `json:"warnings,omitempty"`

	// Of all the command did; absent where nothing was written.
	Seconds      float64 `json:"seconds,omitempty"`
	PerSecond    float64 `json:"weights_per_second,omitempty"`
	InPerSecond  float64 `json:"source_bytes_per_second,omitempty"`
	OutPerSecond float64 `json:"file_bytes_per_second,omitempty"`
}

// typesBy is quantize.Plan.TypesBy in a sentence.
var typesBy = map[string]string{
	"probes": "types chosen by what errors in each matrix do to the next token",
	"roles": "types chosen by the roles of the matrices: with --calibration, what errors in each do to the next token is " +
		"measured",
}

// overrideRow says how many tensors a --tensor-type decided.
type overrideRow struct {
	Pattern string `json:"pattern"`
	Type    string `json:"type"`
	Matches int    `json:"matches"`
}

func overrideRows(p *quantize.Plan) (rows []overrideRow) {
	for _, o := range p.Overrides {
		rows = append(rows, overrideRow{o.Pattern, o.Type.String(), o.Matches})
	}
	return rows
}

// recorded is the format that the metadata of a custom mix name, "" for a recipe.
func recorded(p *quantize.Plan) string {
	if p.Name() == p.Format.Name {
		return ""
	}
	return p.Format.Name
}

// printWritten says what was written; nothing was when w is empty.
func printWritten(e env, p *quantize.Plan, out string, w quantize.Written, took time.Duration) error {
	row := writtenRow{Path: cmp.Or(w.Path, out), Format: p.Name(), Recorded: recorded(p), Parameters: p.Parameters,
		PayloadBits: p.PayloadBits, BPW: p.BPW().String(),
		FileBytes: p.FileBytes, SHA256: w.SHA256, Fallbacks: p.Fallbacks, Types: map[string]int{}, TypesBy: p.TypesBy(),
		Overrides: overrideRows(p), Kept: w.Resumed, Reused: w.Reused, Warnings: p.Warnings}
	source := int64(0)
	for _, t := range p.Tensors {
		row.Types[t.Type.String()]++
		t.Tensor.Type = t.Source
		if n, err := t.Bytes(); err == nil {
			source += n
		}
	}
	if s := took.Seconds(); w.Files != nil && s > 0 {
		row.Seconds, row.PerSecond = s, float64(p.Parameters)/s
		row.InPerSecond, row.OutPerSecond = float64(source)/s, float64(p.FileBytes)/s
	}
	if len(w.Files) > 1 {
		row.Shards = w.Files
	}
	if e.json {
		return e.printJSON(row)
	}
	verb := "wrote"
	if w.Files == nil {
		verb = "would write"
	}
	fmt.Fprintf(e.stdout, "%s %s: %s, %s bits per weight, %d bytes", verb, row.Path, p.Title(), row.BPW, row.FileBytes)
	if n := len(p.Shards); n > 1 {
		fmt.Fprintf(e.stdout, " in %d shards", n)
	}
	if p.Fallbacks > 0 {
		fmt.Fprintf(e.stdout, ", %d of %d tensors fell back to another type", p.Fallbacks, len(p.Tensors))
	}
	fmt.Fprintln(e.stdout)
	if row.TypesBy != "" {
		fmt.Fprintln(e.stdout, typesBy[row.TypesBy])
	}
	for _, o := range row.Overrides {
		fmt.Fprintf(e.stdout, "--tensor-type %s=%s decided %d tensors\n", o.Pattern, o.Type, o.Matches)
	}
	if note := pipeline.ReuseNote([]quantize.Written{w}); note != "" {
		fmt.Fprintln(e.stdout, note)
	}
	return nil
}
