package report

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"bitmill/eval/paired"
	"bitmill/eval/score"
	"bitmill/eval/threshold"
)

// demoReport holds llama.cpp's figures for two small models (../threshold/testdata), which have no values per window.
func demoReport(t testing.TB) *Report {
	t.Helper()
	r := &Report{Schema: Schema, Tool: "bitmill 0.1.0", Command: "bitmill run demo-s demo-l -o out",
		Text: TextInfo{Name: "evaluation.txt", SHA256: "5b0e2d3f0f6d1c1f", Tokens: 63621, Context: 512, Windows: 124, Scored: 31744}}
	r.Models = []Model{demoModel(t, "demo-s", 3409664), demoModel(t, "demo-l", 11537920)}
	r.Fit(threshold.Options{})
	return r
}

func demoModel(t testing.TB, name string, weights int64) Model {
	t.Helper()
	data, err := os.ReadFile("../threshold/testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Source struct {
			PPL float64 `json:"ppl"`
			SE  float64 `json:"ppl_se"`
		}
		Formats map[string]struct {
			FileBytes int64     `json:"file_bytes"`
			PPL       []float64 `json:"ppl"`
			Ratio     []float64 `json:"ln_ppl_ratio"`
			KLD       []float64 `json:"kld"`
			Max       []float64 `json:"kld_max"`
			P99       []float64 `json:"kld_p99"`
			Median    []float64 `json:"kld_median"`
			Top       []float64 `json:"same_top_percent"`
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	const header = 130304 // bytes of both models' files before the data
	m := Model{Name: name, Path: "demo/" + name, Architecture: "llama", Family: "llama", Vocabulary: "4f1c", SourceHash: "9d377a8f0f01", Parameters: weights,
		Calibration: &Calibration{Text: "calibration.txt", SHA256: "77aa01", Windows: 128, Entries: 21},
		Source: Row{Format: "BF16", FileBytes: header + 2*weights, PayloadBits: 16 * weights, Weights: weights,
			Text: score.Text{PPL: file.Source.PPL, PPLSE: file.Source.SE}, Seconds: Seconds{"evaluate": 20.5}}}
	for _, f := range []string{"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q3_K_S", "Q2_K"} {
		x := file.Formats[f]
		m.Artifacts = append(m.Artifacts, Row{Format: f, Path: name + "-" + f + ".gguf", SHA256: fmt.Sprintf("%064x", x.FileBytes), FileBytes: x.FileBytes,
			PayloadBits: 8 * (x.FileBytes - header), Weights: weights, MatrixBits: 8*(x.FileBytes-header) - 32*1792, MatrixWeights: weights - 1792,
			Text: score.Text{PPL: x.PPL[0], PPLSE: x.PPL[1], LnRatio: x.Ratio[0], LnRatioSE: x.Ratio[1], KLD: x.KLD[0], KLDSE: x.KLD[1],
				KLDMedian: x.Median[0], KLDP99: x.P99[0], KLDMax: x.Max[0], KLDP999: math.NaN(), RMSDeltaP: math.NaN(),
				SameTop: x.Top[0] / 100, SameTopSE: x.Top[1] / 100}, Seconds: Seconds{"quantize": 1.25, "evaluate": 12}})
	}
	return m
}

// hostile is a name that tries to be HTML, Markdown, a terminal escape and a line end at once.
const hostile = "<script>alert('x')</script>|`a`*b*\x1b[31m\n# \"q\" & \u202e"

// resourcesOf are made-up figures of a model of so many units of work at so many bits per weight.
func resourcesOf(work, bits float64, metred bool) *Resources {
	r := &Resources{Threads: 2, Kernel: "avx2 " + hostile, LoadSeconds: .01, WeightBytes: int64(work * bits * 1e6), KVBytes: 1e6, ScratchBytes: 2e6,
		Prompt:   Speed{512, math.Round(1e6/(work*(10+bits))) / 10, 3, 5},
		Generate: Speed{128, math.Round(1e6/(work*(1+bits))) / 10, .5, 5}}
	r.MemoryBytes = r.WeightBytes + r.KVBytes + r.ScratchBytes
	r.EnergyNote = "energy is not measured: " + hostile
	if metred {
		r.EnergyNote = ""
		r.Energy = &Energy{map[string]float64{"package": 20.5}, map[string]Joules{"package": {.01 * bits, .02, 10}, "dram": {.001 * bits, .05, 10}},
			map[string]Joules{"package": {.1 * bits, .02, 10}}}
	}
	return r
}

func buckets(kld float64) []score.Bucket {
	return []score.Bucket{{Below: .2, Tokens: 900, KLD: 1.2 * kld}, {Below: .5, Tokens: 700, KLD: kld}, {Below: .95, Tokens: 300, KLD: .8 * kld},
		{Below: 1, Tokens: 20, KLD: .1 * kld}}
}

// oddReport has every field that the demo lacks: a located threshold with windows, a broken file, fallbacks, warnings and
// hostile names.
func oddReport() *Report {
	rng := rand.New(rand.NewPCG(11, 12))
	exp := func(x float64) float64 { return math.Round(math.Exp(x)*1e6) / 1e6 } // the same on every processor
	model := func(name string, weights int64, klds, nlls []float64) Model {
		m := Model{Name: name, Path: "/models/" + name, Architecture: "qwen3", Family: "qwen3", Vocabulary: "ab", SourceHash: "cd", Parameters: weights,
			Warnings: []string{"2 tensors fell back to Q8_0 " + hostile}}
		row := func(format string, bits int64, kld, nll float64) Row {
			r := Row{Format: format, FileBytes: bits*weights/800 + 5000, PayloadBits: bits * weights / 100, Weights: weights, Fallbacks: 2, FallbackShare: .0123}
			r.Text = score.Text{PPL: exp(nll), PPLSE: .25, LnRatio: nll - nlls[0], LnRatioSE: .002, KLD: kld, KLDSE: .04 * kld, KLDMedian: kld / 2, KLDP99: 6 * kld, KLDP999: 9 * kld, KLDMax: 20 * kld,
				DeltaP: -.001, DeltaPSE: .0002, RMSDeltaP: .01, DeltaPs: score.Series{-.2, -.1, -.01, 0, .01, .1, .2}, Entropy: 2.5, BitsPerByte: exp(math.Log(nll / 3)),
				Confidence: buckets(kld), SameTop: .9, SameTopSE: .002}
			for range 40 {
				r.WindowKLD = append(r.WindowKLD, kld*exp(.3*rng.NormFloat64()))
				r.WindowNLL = append(r.WindowNLL, nll+.01*rng.NormFloat64())
			}
			return r
		}
		m.Source = row("BF16", 1600, 0, nlls[0])
		m.TensorNames = []string{"token_embd.weight"}
		for layer := range 3 {
			for _, role := range []string{"attn_q", "attn_v", "ffn_down_exps " + hostile} {
				m.TensorNames = append(m.TensorNames, fmt.Sprintf("blk.%d.%s.weight", layer, role))
			}
		}
		m.Noise = &Noise{Windows: 8, KLD: 1.2e-5, KLDSE: 1e-6, KLDP99: 1e-4, SameTop: .998}
		m.TensorNote = "Columns count by the imatrix in 9 of 10 tensors; in the others all count alike."
		for i, f := range []string{"Q8_0", "Q4_K_M", "Q3_K_S", "Q2_K"} {
			r := row(f, []int64{851, 489, 364, 316}[i], klds[i], nlls[i+1])
			for k := range m.TensorNames {
				r.TensorErrors = append(r.TensorErrors, math.Round(1e5*.006*float64(i*i+1)*(1+.1*float64(k)))/1e5)
			}
			r.TensorErrors[i] = math.NaN()
			r.Resources = resourcesOf(float64(weights)/1e8, float64(r.PayloadBits)/float64(r.Weights), i > 1)
			m.Artifacts = append(m.Artifacts, r)
		}
		return m
	}
	r := &Report{Schema: Schema, Tool: "bitmill", Text: TextInfo{Name: hostile, Context: 512, Windows: 40, Scored: 10240},
		Warnings: []string{"calibration and evaluation text overlap by 3 chunks"}}
	small := model("small", 500_000_000, []float64{.0014, .03, .2, .5}, []float64{2.40, 2.401, 2.43, 2.6, 2.9})
	large := model("large "+hostile, 800_000_000, []float64{.0012, .02, .17, .4}, []float64{2.20, 2.2005, 2.22, 2.35, 2.75})
	broken := Row{Format: "IQ1_S", FileBytes: 1e8, PayloadBits: 8e8, Weights: 8e8,
		Text:    score.Text{PPL: math.NaN(), KLD: math.Inf(1), KLDSE: math.NaN(), WindowKLD: score.Series{1, math.NaN()}, WindowNLL: score.Series{math.Inf(1)}},
		Seconds: Seconds{"evaluate": math.NaN(), "quantize": 2}}
	large.Artifacts = append(large.Artifacts, broken)
	r.Models = []Model{large, small}
	r.Fit(threshold.Options{Options: paired.Options{Resamples: 400}})
	return r
}
