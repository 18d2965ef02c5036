package quantize

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"bitmill/formats/checkpoint"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
	"bitmill/formats/imatrix"
	"bitmill/formats/store"
)

// FormatVersion is recorded in artifacts and reports and is part of every key. It changes when the bytes of an artifact
// or the result of a step may change, not with every release.
const FormatVersion = "0.3.0"

// Provenance says what an artifact is made from: tensors of the same type and equal provenance have equal bytes.
type Provenance struct {
	Version string `json:"version"`           // FormatVersion of the bitmill that wrote it
	Source  string `json:"source"`            // Hash of the checkpoint; of older versions HashSHA256
	Imatrix string `json:"imatrix,omitempty"` // SHA-256 of the importance matrix; empty without one
	Method  string `json:"method,omitempty"`  // of choosing scales and levels; empty: Reference
	Text    string `json:"text,omitempty"`    // WindowsHash of the text that the method used

	Settings string `json:"settings,omitempty"` // of the method, where they are not the defaults: Fit.String
}

// The metadata keys of an artifact's provenance.
const (
	KeySource    = "bitmill.source.blake3"
	KeyOldSource = "bitmill.source.sha256" // instead, up to version 0.2.0

	keyVersion = "bitmill.version"
	keyImatrix = "bitmill.imatrix.sha256"
	keyMethod  = "bitmill.method"
	keyText    = "bitmill.method.text.sha256"

	keySettings = "bitmill.method.settings"
)

var provenanceKeys = []string{keyVersion, KeySource, KeyOldSource, keyImatrix, keyMethod, keyText, keySettings}

// NewProvenance hashes the inputs; m may be nil.
func NewProvenance(c *checkpoint.Checkpoint, m *imatrix.Matrix) (Provenance, error) {
	p, err := PlannedProvenance(m)
	if err == nil {
		p.Source, err = c.Hash()
	}
	return p, err
}

// PlannedProvenance takes as many bytes in an artifact's metadata as NewProvenance, without reading the model.
func PlannedProvenance(m *imatrix.Matrix) (p Provenance, err error) {
	p = Provenance{Version: FormatVersion, Source: strings.Repeat("0", 64)}
	p.Imatrix, err = m.Hash()
	return p, err
}

// ReadProvenance is what an artifact's metadata record.
func ReadProvenance(m *gguf.Metadata) Provenance {
	text := func(key string) string {
		s, _, _ := m.String(key)
		return s
	}
	return Provenance{Version: text(keyVersion), Source: cmp.Or(text(KeySource), text(KeyOldSource)),
		Imatrix: text(keyImatrix),
		Method:  text(keyMethod), Text: text(keyText), Settings: text(keySettings)}
}

// Metadata records the provenance, behind the model's facts that no key of GGUF holds. Nothing in it varies between
// runs.
func (p Provenance) Metadata(c *checkpoint.Checkpoint) *gguf.Metadata {
	m := c.ExtraMetadata()
	m.Set(keyVersion, p.Version)
	m.Set(KeySource, p.Source)
	if p.Imatrix != "" {
		m.Set(keyImatrix, p.Imatrix)
	}
	if p.Method != "" {
		m.Set(keyMethod, p.Method)
		m.Set(keyText, p.Text)
	}
	if p.Settings != "" {
		m.Set(keySettings, p.Settings)
	}
	return m
}

// Accepts returns nil when tensors may be copied from an artifact with the provenance got, otherwise the reason.
func (p Provenance) Accepts(got Provenance) error {
	switch {
	case got.Version == "" || got.Source == "":
		return errors.New("it does not record what it was made from")
	case got.Version != p.Version:
		return fmt.Errorf("bitmill %s wrote it, this is %s", got.Version, p.Version)
	case got.Source != p.Source:
		return errors.New("it was made from another model")
	case got.Imatrix != p.Imatrix:
		return fmt.Errorf("it was made with %s, not with %s", matrixName(got.Imatrix), matrixName(p.Imatrix))
	case got.Method != p.Method:
		return fmt.Errorf("its method is %s, not %s", cmp.Or(got.Method, Reference), cmp.Or(p.Method, Reference))
	case got.Settings != p.Settings:
		return fmt.Errorf("its method had the settings %q, not %q", got.Settings, p.Settings)
	case got.Text != p.Text:
		return errors.New("its method used another text")
	}
	return nil
}

func matrixName(hash string) string {
	if hash == "" {
		return "no importance matrix"
	}
	return "importance matrix " + hash[:min(12, len(hash))]
}

// An artifact has three keys, each covering more than the one before: ResumeKey its inputs, streamKey one of its files
// (inputs, tensors, types and metadata), ArtifactKey its bytes as a function of the inputs and all options.

// ResumeKey covers the inputs of an artifact (Artifact.ResumeKey). A source that was hashed goes by its hash; another
// one, so that it need not be read twice, by the names, sizes and times of its files.
func (p Provenance) ResumeKey(c *checkpoint.Checkpoint, m *imatrix.Matrix) (_ string, err error) {
	if p.Imatrix == "" {
		if p.Imatrix, err = m.Hash(); err != nil {
			return "", err
		}
	}
	parts := []any{"write", FormatVersion, p.Source, p.Imatrix}
	if p.Method != "" {
		parts = append(parts, p.Method, p.Text, p.Settings)
	}
	if p.Source == "" {
		for _, path := range c.Files() {
			st, err := store.Stat(path)
			if err != nil {
				return "", err
			}
			parts = append(parts, path, st.Size, st.Modified.UnixNano())
		}
	}
	return file.Key(parts...)
}

// streamKey covers one file: its header lists tensors, types and metadata, resume covers what they are made from.
func streamKey(resume string, header []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %d\n", len(resume), resume, len(header))
	h.Write(header)
	return hex.EncodeToString(h.Sum(nil))
}

// ArtifactKey covers everything that an artifact's bytes depend on.
func (p Provenance) ArtifactKey(o Options) (string, error) {
	o.Provenance = nil // it follows from the rest
	return file.Key(FormatVersion, "quantize", p.Source, p.Imatrix, o)
}
