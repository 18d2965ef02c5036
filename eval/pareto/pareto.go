// Package pareto chooses among artifacts by size and quality: which are worth having at all, and which one to take
// under a limit. Quality within one model is the divergence from its source, which is known far better than the loss;
// between models it is the loss in bits per byte of text. A difference counts when it exceeds the error.
package pareto

import (
	"cmp"
	"encoding/json"
	"math"
)

// Candidate is one measured file.
type Candidate struct {
	Model       string  `json:"model"`
	Format      string  `json:"format"`
	Path        string  `json:"path,omitempty"` // of the file; empty where it is not known
	Context     int64   `json:"context"`        // tokens that count: those asked for, or as many as the model was made for
	FileBytes   int64   `json:"file_bytes"`
	KVBytes     int64   `json:"-"`            // keys and values of one token
	Window      int64   `json:"-"`            // tokens that some layers see at most
	WindowBytes int64   `json:"-"`            // the part of KVBytes in those layers
	StateBytes  int64   `json:"-"`            // of layers that remember a sequence in constant memory
	Memory      int64   `json:"memory_bytes"` // the file, mapped, with keys and values of the context asked for
	Loss        float64 `json:"bits_per_byte"`
	KLD         float64 `json:"kld"` // from its own source; 0 of a source
	Dominated   string  `json:"dominated_by,omitempty"`
	Fits        bool    `json:"fits"`

	Most      int64     `json:"-"` // tokens that the model was made for; 0: not known
	Text      string    `json:"-"` // identifies the text and how it was cut into windows
	From      string    `json:"-"` // identifies the source that KLD is taken from; "": Model does
	Source    bool      `json:"-"` // the source itself
	Series    []float64 `json:"-"` // loss by window, bits per byte
	LossSE    float64   `json:"-"` // standard error of Loss
	KLDSeries []float64 `json:"-"` // KLD by window; none of a source
	KLDSE     float64   `json:"-"`

	Windows    []int  `json:"-"` // numbers of the windows of both series; nil: 0, 1, 2…
	Vocabulary string `json:"-"` // windows are the same text only where it is equal
}

// MarshalJSON writes a KLD that was not measured as null: JSON has no NaN.
func (c Candidate) MarshalJSON() ([]byte, error) {
	type plain Candidate
	twin := struct {
		plain
		KLD *float64 `json:"kld"`
	}{plain: plain(c)}
	if !math.IsNaN(c.KLD) {
		twin.KLD = &c.KLD
	}
	return json.Marshal(twin)
}

// sibling reports whether the two come from one source, so that their divergences compare.
func (c *Candidate) sibling(o *Candidate) bool {
	return cmp.Or(c.From, c.Model) == cmp.Or(o.From, o.Model)
}

// MemoryWith is the file's size with the keys and values of so many tokens, in bytes, at most the largest int64.
// Without tokens there is no state either.
func (c *Candidate) MemoryWith(tokens int64) int64 {
	if tokens <= 0 {
		return c.FileBytes
	}
	if c.StateBytes > math.MaxInt64/2-max(0, c.FileBytes) ||
		c.KVBytes > (math.MaxInt64-max(0, c.FileBytes)-max(0, c.StateBytes))/tokens {
		return math.MaxInt64
	}
	// Layers with a window need no tokens before it.
	beyond := max(0, tokens-max(0, c.Window)) * min(max(0, c.WindowBytes), max(0, c.KVBytes))
	return c.FileBytes + c.StateBytes + tokens*c.KVBytes - beyond
}
