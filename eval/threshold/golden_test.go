package threshold

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"
)

// demo reads one model of testdata as a Subject.
func demo(t *testing.T, name string) Subject {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Source struct {
			PPL float64 `json:"ppl"`
			SE  float64 `json:"ppl_se"`
		} `json:"source"`
		Formats map[string]struct {
			FileBytes int64     `json:"file_bytes"`
			PPL       []float64 `json:"ppl"`
			KLD       []float64 `json:"kld"`
		} `json:"formats"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	// Elements of the shapes: embedding + 3 layers + norms. All header bytes are equal, as Q8_0 tells (every matrix
	// 8.5 bits, norms 32): 130304, so payloads follow from the file sizes to the byte.
	weights := map[string]int64{"demo-s": 3409664, "demo-l": 11537920}[name]
	const header = 130304
	s := Subject{Name: name, Family: "llama", Parameters: weights, Vocabulary: "v", Text: "t"}
	s.Points = append(s.Points, Point{Format: "BF16", Source: true, Bits: 16 * weights, Weights: weights, FileBytes: header + 2*weights,
		LnPPL: math.Log(file.Source.PPL), LnPPLSE: file.Source.SE / file.Source.PPL})
	for _, format := range []string{"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q3_K_S", "Q2_K"} {
		f := file.Formats[format]
		s.Points = append(s.Points, Point{Format: format, Bits: 8 * (f.FileBytes - header), Weights: weights, FileBytes: f.FileBytes,
			KLD: f.KLD[0], KLDSE: f.KLD[1], LnPPL: math.Log(f.PPL[0]), LnPPLSE: f.PPL[1] / f.PPL[0]})
	}
	return s
}

// measuredModel reads what bitmill measured of a model in every format, with its windows, the source among them.
func measuredModel(t *testing.T, name string) Subject {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+"-windows.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Rows []struct {
			Format  string    `json:"format"`
			Bytes   int64     `json:"file_bytes"`
			Bits    int64     `json:"payload_bits"`
			Weights int64     `json:"weights"`
			KLD     []float64 `json:"kld"`
			NLL     []float64 `json:"nll"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	s := Subject{Name: name, Family: "llama", Parameters: file.Rows[0].Weights, Vocabulary: "v", Text: "t"}
	for i, r := range file.Rows {
		s.Points = append(s.Points, Point{Format: r.Format, Source: i == 0, Bits: r.Bits, Weights: r.Weights,
			FileBytes: r.Bytes, KLD: stat.Mean(r.KLD, nil), WindowKLD: r.KLD, LnPPL: stat.Mean(r.NLL, nil), WindowNLL: r.NLL})
	}
	return s
}

// only keeps the named formats, in their order in the file.
func (s Subject) only(formats string) []Point {
	return slices.DeleteFunc(slices.Clone(s.Points), func(p Point) bool {
		return !slices.Contains(strings.Split(formats, ","), p.Format)
	})
}

// find is the artifact of a format.
func (s Subject) find(format string) Point {
	return s.Points[slices.IndexFunc(s.Points, func(p Point) bool { return p.Format == format && !p.Source })]
}
