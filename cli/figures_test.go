package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"bitmill/eval/report"
	"bitmill/formats/demo"
)

// peerFigures is one file of testdata/peer.
type peerFigures struct {
	Source struct {
		PPL    float64 `json:"ppl"`
		PPLSE  float64 `json:"ppl_se"`
		Chunks int     `json:"chunks"`
	} `json:"source"`
	Formats map[string]struct {
		FileBytes int64      `json:"file_bytes"`
		PPL       [2]float64 `json:"ppl"`
		LnRatio   [2]float64 `json:"ln_ppl_ratio"`
		KLD       [2]float64 `json:"kld"`
		KLDMax    [1]float64 `json:"kld_max"`
		KLDMedian [1]float64 `json:"kld_median"`
		KLDP99    [1]float64 `json:"kld_p99"`
		SameTop   [2]float64 `json:"same_top_percent"`
	} `json:"formats"`
}

// TestFiguresAgreeWithPeer runs the main job on the demo and holds its figures to those of llama.cpp's programs:
// source PPL within 0.2 %, artifact PPL within 0.5 %, KLD within 5 % + 0.0003 (the peer stores reference logits in 16
// bits), standard errors within 3 %, most probable token equal for as many tokens within 0.5 %.
func TestFiguresAgreeWithPeer(t *testing.T) {
	for name, chunks := range map[string]string{"demo-s": "0", "demo-l": "8"} {
		if name == "demo-l" && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var peer peerFigures
			data, err := os.ReadFile(filepath.Join("testdata/peer", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &peer); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := writeDemo(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			args := []string{"run", filepath.Join(dir, name), "-o", filepath.Join(dir, "out"), "--chunks", chunks, "--quiet"}
			for flag, text := range map[string]string{"calibration": demo.Calibration, "text": demo.Evaluation} {
				path := filepath.Join(dir, flag+".txt")
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--"+flag, path)
			}
			call(t, bitmill(t, args...))
			r, err := openReport(filepath.Join(dir, "out", "report.json"))
			if err != nil {
				t.Fatal(err)
			}
			compareFigures(t, &r.Models[0], &peer)
			if r.Text.Windows != peer.Source.Chunks {
				t.Errorf("%d windows, llama-perplexity had %d", r.Text.Windows, peer.Source.Chunks)
			}
		})
	}
}

func compareFigures(t *testing.T, m *report.Model, peer *peerFigures) {
	within := func(what string, got, want, relative, absolute float64) {
		t.Helper()
		if d := math.Abs(got - want); !(d <= relative*math.Abs(want)+absolute) {
			t.Errorf("%s: %g, the peer has %g", what, got, want)
		}
	}
	within("source PPL", m.Source.PPL, peer.Source.PPL, 0.002, 0)
	within("source PPL's error", m.Source.PPLSE, peer.Source.PPLSE, 0.03, 0)
	if len(m.Artifacts) != len(peer.Formats) {
		t.Fatalf("%d artifacts, want %d", len(m.Artifacts), len(peer.Formats))
	}
	for _, a := range m.Artifacts {
		p := peer.Formats[a.Format]
		within(a.Format+" PPL", a.PPL, p.PPL[0], 0.005, 0)
		within(a.Format+" PPL's error", a.PPLSE, p.PPL[1], 0.03, 0)
		within(a.Format+" ln ratio", a.LnRatio, p.LnRatio[0], 0, 0.005)
		within(a.Format+" ln ratio's error", a.LnRatioSE, p.LnRatio[1], 0.1, 0.0002)
		within(a.Format+" KLD", a.KLD, p.KLD[0], 0.05, 0.0003)
		within(a.Format+" KLD's error", a.KLDSE, p.KLD[1], 0.15, 0.00001)
		within(a.Format+" median KLD", a.KLDMedian, p.KLDMedian[0], 0.05, 0.0003)
		within(a.Format+" 99 % KLD", a.KLDP99, p.KLDP99[0], 0.1, 0.001)
		within(a.Format+" same top", 100*a.SameTop, p.SameTop[0], 0, 0.8)
		// Our file carries a few provenance keys more than the peer's.
		within(a.Format+" file bytes", float64(a.FileBytes), float64(p.FileBytes), 0, 400)
	}
}
