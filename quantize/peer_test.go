package quantize

import (
	"context"
	"path/filepath"
	"testing"

	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/formats/imatrix"
)

// TestWholeFiles compares whole files with llama-quantize's (llama.cpp at snapshot de3ff81). The peer's input was the
// case's BF16 artifact (of "source", when given), written by this package without a tokenizer; its command
//
//	llama-quantize FLAGS CASE.gguf OUT.gguf FORMAT
//
// with the importance matrix given by its bare file name.
func TestWholeFiles(t *testing.T) {
	for _, tt := range []struct {
		name    string
		source  string // format of the peer's input
		imatrix bool
		flags   string
		o       Options
		sha256  string

		include, exclude []string // weights
	}{
		{name: "llama", imatrix: true, flags: "--imatrix llama.imatrix.gguf",
			o:      Options{Format: "Q4_K_M", ImatrixFile: "llama.imatrix.gguf"},
			sha256: "2dca61c8b167a1fef8decc4f5bf3b071afee8ff078747b0ca8c333bcf50c0606"},
		{name: "llama-narrow", imatrix: true, flags: "--imatrix llama-narrow.imatrix.gguf",
			o:      Options{Format: "Q4_K_M", ImatrixFile: "llama-narrow.imatrix.gguf"},
			sha256: "921f94cac5b9441dc57e694aa1ad405c9de80b9ef72b2b21631eb5bd1d7d5378"},
		{name: "llama", flags: `--tensor-type blk\.0\.attn_v=q8_0 --tensor-type ffn_(up|gate)=q2_k --output-tensor-type q5_k --token-embedding-type q4_0`,
			o:      Options{Format: "Q3_K_M", TensorTypes: []string{`blk\.0\.attn_v=q8_0`, "ffn_(up|gate)=q2_k"}, OutputType: "q5_k", EmbeddingType: "q4_0"},
			sha256: "283120b409e8573aebc15eb1a762debdadab2039d7cff1675b372b27567337b9"},
		{name: "llama", flags: "--leave-output-tensor --pure", o: Options{Format: "Q2_K", LeaveOutput: true, Pure: true},
			sha256: "903062dd85ab8901fc1dd278e232dfd497dde9e363fb20664e1e0c61eba7b1c4"},
		{name: "qwen2", flags: "--output-tensor-type q8_0", o: Options{Format: "Q4_K_S", OutputType: "q8_0"},
			sha256: "6c42cdeddc51a85aec14280e6d140b6fbb5e8a61d0973aff2b7e01beb6af6f1f"},
		{name: "llama3-rope", o: Options{Format: "Q5_K_M"},
			sha256: "a471d6fec7f3725601949fe7aa783b9f02b0972c51f7f29ed8fd686a4810515a"},
		{name: "qwen3", o: Options{Format: "F16"},
			sha256: "3b63c6e50b489fa4b8a7da5e5737569a25b5dfa8a48f8bdda7a3bfd88ab22031"},
		{name: "llama", source: "Q8_0", flags: "--allow-requantize", o: Options{Format: "Q4_K_S", AllowRequantize: true},
			sha256: "92206095474ece92cfc19b213f029e2be5f27a8711eb54b2f9d6163f9128e55b"},
		{name: "llama", flags: "--override-kv llama.context_length=int:777 --override-kv my.text=str:hello --override-kv my.float=float:0.1 --override-kv my.bool=bool:true",
			o:      Options{Format: "Q4_K_S", MetadataKeys: []string{"llama.context_length=int:777", "my.text=str:hello", "my.float=float:0.1", "my.bool=bool:true"}},
			sha256: "797f9698fb7df1824c8f72e9d997d2ba19ca3fc210624e56bd833a4915453e29"},
		{name: "llama", imatrix: true, flags: "--imatrix llama.imatrix.gguf --include-weights ffn_down --include-weights attn_q", include: []string{"ffn_down", "attn_q"},
			o:      Options{Format: "Q3_K_M", ImatrixFile: "llama.imatrix.gguf"},
			sha256: "ab27cc105f79c8f1659ac5b64ff232803d2b44b0640d98a6fd7cbe3fa66a6988"},
		{name: "llama", imatrix: true, flags: "--imatrix llama.imatrix.gguf --exclude-weights attn", exclude: []string{"attn"},
			o:      Options{Format: "IQ4_XS", ImatrixFile: "llama.imatrix.gguf"},
			sha256: "61e8b76988fe74fa9e9a2e5da6fcb5aa2058e99acc5d3a076a3c9b6553b4d300"},
		{name: "llama", source: "Q8_0", flags: "COPY", o: Options{Format: "COPY"},
			sha256: "748e5df9733d25c5f36bcb70db90308c175a5025d22ea8e10905ee841fc9e515"},
	} {
		t.Run(tt.name+" "+tt.o.Format, func(t *testing.T) {
			c, err := checkpoint.Open(checkpointtest.Load(t, tt.name).Folder(t))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			dir := t.TempDir()
			if tt.source != "" {
				writeAll(t, c, dir, 0, tt.source)
				if c, err = checkpoint.Open(filepath.Join(dir, tt.source)); err != nil {
					t.Fatal(err)
				}
				defer c.Close()
			}
			var m *imatrix.Matrix
			if tt.imatrix {
				if m, err = SelectWeights(openMatrix(t, tt.name), tt.include, tt.exclude); err != nil {
					t.Fatal(err)
				}
			}
			p, err := NewPlan(c, m, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			written, err := Write(context.Background(), c, m, []Artifact{{Plan: p, Path: filepath.Join(dir, "out.gguf")}}, WriteOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if written[0].SHA256 != tt.sha256 {
				t.Errorf("llama-quantize %s: hash %s, want %s", tt.flags, written[0].SHA256, tt.sha256)
			}
		})
	}
}
