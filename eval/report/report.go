// Package report holds the report of a run: report.json, which other commands read again, and three renderings of it
// for people (Markdown, one HTML page, a terminal table).
//
// # Schema 1
//
// report.json holds one Report. The field comments below are the schema: sizes are bytes or bits as named, losses and
// divergences are nats per token, shares lie between 0 and 1, hashes are lower-case hexadecimal SHA-256. A quantity
// that was not measured, or that came out as NaN or infinite, is null; a reader takes null and absence for NaN. Fields
// may be added within a schema; a change of meaning raises its number. Everything but seconds and resources is the same
// for every run over the same input. A window of the text is called a chunk here, as in llama.cpp.
package report

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"bitmill/eval/score"
	"bitmill/eval/task"
	"bitmill/eval/threshold"
)

// Schema is the version of report.json that this package writes and reads.
const Schema = 1

// Report is one run: several models in several formats over one text.
type Report struct {
	Schema   int                  `json:"schema"`
	Tool     string               `json:"tool"`    // bitmill and its version
	Command  string               `json:"command"` // as typed, "" when not from a command line
	Text     TextInfo             `json:"text"`
	Models   []Model              `json:"models"`
	Economy  []threshold.Economy  `json:"economy"`           // one per model that has a smaller one of its family beside it
	Located  []threshold.Location `json:"located,omitempty"` // one per threshold searched for; absent when none was
	Blocked  []Blocked            `json:"blocked,omitempty"` // what could not be made; absent when all was
	Warnings []string             `json:"warnings"`
}

// Blocked is what the values of a model's tensors kept from being made, beside others that were.
type Blocked struct {
	Model   string   `json:"model"` // not among Report.Models when all its formats are blocked
	Formats []string `json:"formats"`
	Reason  string   `json:"reason"` // a sentence that names the tensor and the value
}

// TextInfo is the scored text and how it was cut.
type TextInfo struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Tokens  int    `json:"tokens"`  // of the whole text; 0 when the models tokenize differently
	Context int    `json:"context"` // tokens per window
	Windows int    `json:"chunks"`
	Scored  int    `json:"scored"`         // tokens that count, all windows together
	Seed    uint64 `json:"seed,omitempty"` // of the order in which windows are taken; absent: as in the text, all of them

	Overlap float64 `json:"overlap"` // share of the text's runs of thirteen words that the calibration text has too
}

// key identifies the text and how it was cut.
func (t *TextInfo) key() string { return fmt.Sprintf("%s %d", t.SHA256, t.Context) }

// Looks reports whether windows of a text were taken at random until enough was known: intervals must then hold at any
// look.
func Looks(reports ...*Report) bool {
	return slices.ContainsFunc(reports, func(r *Report) bool { return r.Text.Seed != 0 })
}

// Model is one checkpoint and the artifacts made from it.
type Model struct {
	Name         string             `json:"name"`
	Path         string             `json:"path"`
	Architecture string             `json:"architecture"` // GGUF's name: llama, qwen2
	Family       string             `json:"family"`       // models of one family are compared for economy
	Vocabulary   string             `json:"vocabulary"`   // its hash: losses per token compare only where it is equal
	SourceHash   string             `json:"source_hash"`
	Parameters   int64              `json:"parameters"`
	Context      int64              `json:"context"`      // tokens that it was made for; 0: not known
	KVBytes      int64              `json:"kv_bytes"`     // keys and values of one token in 16 bits
	Window       int64              `json:"window"`       // tokens that some layers see at most; 0: all
	WindowBytes  int64              `json:"window_bytes"` // of KVBytes, the part in those layers
	StateBytes   int64              `json:"state_bytes"`  // what other layers remember of a sequence of any length, in 32 bits
	Source       Row                `json:"source"`       // the reference that KLD is taken from
	Artifacts    []Row              `json:"artifacts"`
	Searched     []string           `json:"searched,omitempty"` // thresholds that were searched for
	Probes       []Row              `json:"probes,omitempty"`   // mixes measured for that, in their order
	Fidelity     threshold.Fidelity `json:"fidelity"`
	Knee         threshold.Knee     `json:"knee"`
	Steps        []Step             `json:"steps"`        // each artifact against the next smaller one
	Noise        *Noise             `json:"noise"`        // null when not measured
	Calibration  *Calibration       `json:"calibration"`  // null when quantized without an imatrix
	TensorNames  []string           `json:"tensor_names"` // quantized in some artifact, in the order of the source
	TensorNote   string             `json:"tensor_note"`  // how their errors were measured, a whole sentence
	Warnings     []string           `json:"warnings"`
}

// Noise is the divergence of the source from itself when the inputs of its products are rounded to BF16: an artifact
// below it cannot be told from the source.
type Noise struct {
	Windows int     `json:"windows"`
	KLD     float64 `json:"kld"`
	KLDSE   float64 `json:"kld_se"`
	KLDP99  float64 `json:"kld_p99"`
	SameTop float64 `json:"same_top"`
}

// Calibration is the origin of the imatrix.
type Calibration struct {
	Text        string `json:"text"`              // or the names of the texts of a given imatrix
	Imatrix     string `json:"imatrix,omitempty"` // file that was given; empty: it was made from the text
	SHA256      string `json:"sha256"`            // of the text, or of the given imatrix
	Windows     int    `json:"chunks"`
	Entries     int    `json:"entries"`      // tensors covered
	ZeroColumns int64  `json:"zero_columns"` // input columns that no calibration token reached
}

// Row is one file and its measurements. Start from Blank, so that figures that were not measured are NaN.
type Row struct {
	Format        string `json:"format"` // Q4_K_M; the source's own type (BF16) in Model.Source
	Path          string `json:"path"`
	SHA256        string `json:"sha256"`
	FileBytes     int64  `json:"file_bytes"`
	PayloadBits   int64  `json:"payload_bits"`   // tensor data without padding
	Weights       int64  `json:"weights"`        // elements of all tensors
	MatrixBits    int64  `json:"matrix_bits"`    // the same for matrices only
	MatrixWeights int64  `json:"matrix_weights"` //
	BPW           string `json:"bpw"`            // payload_bits / weights to 4 decimals, for people

	score.Text         // how well it predicts the text
	Sample     *Sample `json:"sample,omitempty"` // of the text; absent when all that was asked for is scored

	Recorded  string     `json:"recorded_format,omitempty"` // of a mix: the format that its metadata name
	Method    string     `json:"method,omitempty"`          // of choosing scales and levels; empty: the encoders'
	Kept      []string   `json:"kept,omitempty"`            // matrices to which the method gave the encoders' values, folded
	Tuned     *Tuning    `json:"tuned,omitempty"`           // what method tuned did; absent for others
	Reference *Reference `json:"reference,omitempty"`       // what the encoders make of the same format; absent when not measured

	Tasks []Answers `json:"tasks,omitempty"` // to questions; absent when none were asked

	Fallbacks     int     `json:"fallbacks"`      // tensors that could not take the type the format asks for
	FallbackShare float64 `json:"fallback_share"` // their share of the weights
	Seconds       Seconds `json:"seconds"`        // by step; varies between runs

	// TensorErrors are sqrt(sum w (x-q)^2 / sum w x^2) by tensor of Model.TensorNames, x its values in the source, q
	// here, w the imatrix's weights of their columns (1 without); null where the tensor is not quantized.
	TensorErrors score.Series `json:"tensor_errors"`
	Resources    *Resources   `json:"resources"` // null when not measured; varies between runs
}

// Tuning is how far method tuned lowered the divergence on windows that nothing was fitted on, in nats.
type Tuning struct {
	Passes int     `json:"passes"` // over the text
	Pass   int     `json:"pass"`   // whose levels were best; 0: those of method feedback
	Before float64 `json:"before"` // of the levels of method feedback
	After  float64 `json:"after"`  // of the best
}

// Answers are the answers to one file of questions. Flips are counted against the source; null in its own row.
type Answers struct {
	task.Summary
	Flips *task.Flips `json:"flips,omitempty"`
}

// Sample says how well the divergence over a whole text is known from a part of it.
type Sample struct {
	Windows int     `json:"chunks"` // scored
	Of      int     `json:"of"`     // windows of the text
	Low     float64 `json:"low"`    // of the interval of KLD over the whole text
	High    float64 `json:"high"`
	Level   float64 `json:"level"`
	Kind    string  `json:"kind"`          // of the interval, in words
	For     string  `json:"for,omitempty"` // the verdict that took the last windows, where verdicts had to be certain
}

// Reference is the divergence of a format's file as the encoders make it: over the same windows, or estimated from some
// of them.
type Reference struct {
	KLD     float64 `json:"kld"`
	KLDSE   float64 `json:"kld_se"`
	PPL     float64 `json:"ppl,omitempty"` // absent when estimated, like SameTop
	SameTop float64 `json:"same_top,omitempty"`
	Windows int     `json:"estimated_from_windows,omitempty"`
}

// Seconds are durations by name.
type Seconds map[string]float64

// Blank is a row without measurements: every one NaN.
func Blank(format string) Row { return Row{Format: format, Text: score.Unmeasured()} }

// Measured reports whether the row has a perplexity.
func (r *Row) Measured() bool { return r.PPL > 0 && !math.IsInf(r.PPL, 0) }

// Compared reports whether the row has a divergence from the source.
func (r *Row) Compared() bool { return r.Measured() && !math.IsNaN(r.KLD) && !math.IsInf(r.KLD, 0) }

// Point is the row as the threshold fits take it.
func (r *Row) Point(source bool) threshold.Point {
	p := threshold.Point{Format: r.Format, Source: source, Mix: r.Recorded != "",
		Bits: r.PayloadBits, Weights: r.Weights, FileBytes: r.FileBytes,
		KLD: r.KLD, KLDSE: r.KLDSE, WindowKLD: r.WindowKLD,
		LnPPL: math.Log(r.PPL), LnPPLSE: r.PPLSE / r.PPL, WindowNLL: r.WindowNLL,
		Windows: r.Windows}
	if !r.Compared() {
		p.KLD = math.NaN()
	}
	return p
}

// Rows yields every artifact with its model.
func (r *Report) Rows() iter.Seq2[*Model, *Row] {
	return func(yield func(*Model, *Row) bool) {
		for i := range r.Models {
			for k := range r.Models[i].Artifacts {
				if !yield(&r.Models[i], &r.Models[i].Artifacts[k]) {
					return
				}
			}
		}
	}
}

// Points are the source (when it was measured), all artifacts and all probes.
func (m *Model) Points() []threshold.Point {
	out := m.formatPoints()
	for i := range m.Probes {
		out = append(out, m.Probes[i].Point(false))
	}
	return out
}

// formatPoints are Points without the probes.
func (m *Model) formatPoints() []threshold.Point {
	var out []threshold.Point
	if m.Source.Measured() {
		out = append(out, m.Source.Point(true))
	}
	for i := range m.Artifacts {
		out = append(out, m.Artifacts[i].Point(false))
	}
	return out
}

// Fit fills in the thresholds of every model and of the families from the rows. Probes count for the thresholds that
// they were made for; the knee is of the formats, which probes near one place would bend.
func (r *Report) Fit(o threshold.Options) {
	o.Looks = Looks(r)
	for i := range r.Models {
		r.Models[i].Fidelity = threshold.FitFidelity(r.Models[i].Points(), o)
		r.Models[i].Knee = threshold.FitKnee(r.Models[i].formatPoints(), o)
		r.Models[i].Steps = r.Models[i].steps(o)
	}
	r.Economy = Economy([]*Report{r}, o)
	r.Located = Located([]*Report{r}, o)
}

// Economy compares the models of several reports.
func Economy(reports []*Report, o threshold.Options) []threshold.Economy {
	o.Looks = Looks(reports...)
	return threshold.FitEconomy(subjects(reports), o)
}

// Located are the thresholds that the reports' runs searched for.
func Located(reports []*Report, o threshold.Options) (list []threshold.Location) {
	o.Looks = Looks(reports...)
	economy := Economy(reports, o)
	for _, r := range reports {
		for i := range r.Models {
			m := &r.Models[i]
			s := r.Subject(m)
			for _, t := range m.Searched {
				k := slices.IndexFunc(economy, func(e threshold.Economy) bool {
					return e.Family == m.Family && e.Larger == m.Name
				})
				switch {
				case t == threshold.ForFidelity:
					list = append(list, threshold.LocateFidelity(s, threshold.FitFidelity(s.Points, o), len(m.Probes), o))
				case k >= 0:
					list = append(list, threshold.LocateEconomy(s, economy[k], len(m.Probes), o))
				}
			}
		}
	}
	return list
}

func subjects(reports []*Report) (all []threshold.Subject) {
	for _, r := range reports {
		all = append(all, r.Subjects()...)
	}
	return all
}

// Subjects are the models with their files, as the fits of a family take them.
func (r *Report) Subjects() (all []threshold.Subject) {
	for i := range r.Models {
		all = append(all, r.Subject(&r.Models[i]))
	}
	return all
}

// Subject is one model of the report.
func (r *Report) Subject(m *Model) threshold.Subject {
	return threshold.Subject{Name: m.Name, Family: m.Family, Parameters: m.Parameters, Vocabulary: m.Vocabulary,
		Text: r.Text.key(), Points: m.Points()}
}
