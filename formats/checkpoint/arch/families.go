// Package arch holds the facts of architectures as data: how config.json and GGUF metadata describe a model, which
// tensors it has on both sides and how they lie in their sources, and what its forward pass does otherwise than
// Llama's. One file per family; families.go lists them.
package arch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
	"bitmill/formats/tokenizer"
)

// A family is one Hugging Face model_type: how its config.json reads, how its tensors are called on both sides, and
// what its GGUF metadata holds. To add one, write its file and add its line to families.
type family struct {
	Type string // model_type
	Arch string // GGUF architecture; the first family of an architecture describes its GGUF files

	Context int // max_position_embeddings when config.json has none, as in transformers
	HeadDim int // head_dim when config.json has none; 0: hidden_size / num_attention_heads
	KVHeads int // num_key_value_heads when config.json does not name it; 0, and null: num_attention_heads
	Sliding int // sliding_window when config.json does not name it; 0, and null: none

	Class ClassSizes // sizes that a wrapper's config.json may leave out: those of the class in transformers

	Theta float64 // rope_theta when config.json has none; 0: 10000
	Eps   float64 // rms_norm_eps (layer_norm_eps) when config.json has none; 0: 1e-6
	Tied  bool    // tie_word_embeddings when config.json has none
	Joint bool    // llama.cpp has no output matrix beside the embedding

	Stem     string       // of the names of a layer's tensors, before the layer's number; "": model.layers.
	Layer    []tensorSpec // tensors of a layer, without "model.layers.N." and "blk.N."
	Common   []tensorSpec // tensors outside layers; nil: those of most families
	Outside  []tensorSpec // tensors outside layers beyond the common ones
	Dropped  []string     // tensors of the table that the converter leaves out
	NormAdd  float32      // added to the gains of all norms
	Permuted bool         // the converter permutes the rows of Q and K, so that neighbouring pairs rotate
	Parted   bool         // it permutes them the other way, so that pairs half a head apart rotate

	Interleaved bool            // GGUF files rotate neighbouring pairs
	RopeFreqs   bool            // llama3 scaling becomes rope_freqs.weight
	Rotary      float64         // partial_rotary_factor when config.json has none; 0: no such key, whole heads are rotated
	LongRope    bool            // longrope scaling becomes tensors of factors
	Scaling     *ropeParameters // rope_parameters when config.json has none
	PerKind     bool            // RoPE parameters differ between layers with a window and others
	Smooth      bool            // YaRN's ramp is not rounded to whole dimensions
	MoE         bool            // of several families of one architecture, the one that describes GGUF files with experts
	DenseToo    bool            // models have experts or not: Variant.Experts is of those that do
	Packed      bool            // some checkpoints are in MXFP4
	OtherEps    string          // the key for the epsilon of norms in files without the usual one
	Guest       bool            // another family of the architecture describes its GGUF files
	Recurrent   Mixer           // of the layers for which GGUF files list no key-value heads
	Gaps        bool            // GGUF files list sizes with zeros for layers that lack a part

	Predictors predictors // blocks that predict further tokens

	Alpha   bool // dynamic RoPE scaling has a factor alpha, which makes another base
	Dynamic bool // dynamic RoPE scaling is for contexts beyond the longest that the model is for
	Pooled  bool // files of models for embeddings say how they pool
	Letters bool // sliding_window_pattern may be a word, with L for layers with a window

	Kinds map[string]Mixer // mixers by their names in layer_types or layers_block_type; nil: attention only

	Defaults  func(h *HFConfig) // sets the values of absent keys, where null means something else
	Spellings func(h *HFConfig) // gives the values of keys that only this family calls so to the usual keys

	AnyActivation bool         // Variant.Activation holds whatever config.json says
	Activations   []Activation // that config.json may name beside Variant.Activation; for GGUF files see ActivationKey

	// Functions may be nil.
	Factors func(h *HFConfig, c *Config, e *Expected) // sets what multiplies a converted tensor
	Only    func(h *HFConfig) error                   // fails for models of the type that are of another architecture
	Variant Variant                                   // of all models of the family
	Rope    func(h *HFConfig, c *Config) error        // sets Config.Rope and LocalRope from config.json in the family's own way
	Config  func(h *HFConfig, c *Config) error        // sets the rest from config.json; fails when it cannot be evaluated
	Read    func(r *reader, c *Config)                // sets the rest from GGUF metadata

	Suppresses bool                                           // suppress_tokens of generation_config.json is written
	NoHeadDim  bool                                           // head_dim is written only when config.json has one
	Parameters func(h *HFConfig, c *Config, w writer)         // writes the architecture's keys instead of the common ones
	Metadata   func(h *HFConfig, c *Config, m *gguf.Metadata) // adds to them

	// Special corrects special tokens, where the ends are those of generation_config.json; may be nil.
	Special func(h *HFConfig, m *gguf.Metadata, t *tokenizer.Tokenizer, ends []int)

	Forced []tokenizer.Forced // special tokens where the folder names none
	Shown  []string           // added tokens that are text, although the folder calls them special

	// Vocabulary adds what the converter adds to the tokenizer's metadata; may be nil.
	Vocabulary func(c *Config, m *gguf.Metadata, t *tokenizer.Tokenizer)
}

// ClassSizes are the sizes that a class of transformers has by itself.
type ClassSizes struct{ Width, FFN, Layers, Heads, Vocab int }

// families is sorted by model_type. Metadata and tensors are those of llama.cpp's converter, with these differences:
//
//   - An artifact with provenance carries facts that the converter drops and the forward pass needs (ExtraMetadata):
//     windows of Mistral, Mixtral, StarCoder 2, SmolLM3 and Qwen; SmolLM3's layers without RoPE when they are not every
//     fourth; Cohere 2's layers with a window when they are not three of four; Gemma's scale of scores when it does not
//     follow from the head's width; whether the weights of Qwen 3's and OLMoE's experts add up to one; AFMoE's scale of
//     the embedding; sigmoids of GLM-4.7-Flash's kin; activations of BitNet, GPT-2 and GPT-NeoX other than the usual
//     ones; GPT-2's scores divided by the number of their layer.
//   - StableLM's norms of single heads are written as llama.cpp reads them; its converter fails on them.
//   - Granite 4.0's files without Mamba say when positions are left out.
//   - GPT-2's width of the feed-forward layer is n_inner where config.json has it; the converter takes four times the
//     model's width for granted.
//   - GPT-NeoX's files have keys of RoPE when its base is not 10000 or it is scaled.
//   - LFM2's convolutions may have biases, and its experts' weights a factor; the converter knows neither.
//   - BitNet's matrices stay as they are, ternary or not, unless quantization_config says that the model rounds them
//     when it runs; the converter rounds them again, with another scale. It does not know the names of the norms inside
//     branches that transformers gives them.
//   - Layers of Granite 4.0 and Nemotron-H may have the names of transformers 5, of which the converter does not know all;
//     it then writes files that cannot be run. It takes Nemotron-H without experts for a model with some when transformers
//     fills in their keys. Blocks of Nemotron-H that predict further tokens are left out.
//   - Falcon-H1 with tied embeddings has an output matrix of its own where embedding and logits have different
//     multipliers, of which the converter drops the second.
//   - MiniMax M2 tells how experts are scored where config.json does not (transformers leaves it out), or llama.cpp stops.
//   - Bamba's rows of Q and K are permuted within the half of a head that rotates; the converter permutes whole heads.
//   - Exponentials (ssm_a) are rounded to the nearest number; now and then the converter's library takes the next one.
//   - Stacked experts of Qwen3-VL are transposed only where they are stored as published. The converter transposes
//     all, and its loader refuses the file.
//   - The width of ERNIE 4.5's experts for all tokens, the number of dense layers in mlp_layer_types and OLMoE's epsilon
//     are written as they are; the converter has other values unless a model is shaped as the published ones.
//   - Layers of Granite SWA without positions are written also where layer_rope_theta names them; Cohere 2 needs no
//     rotary_pct.
//   - An unknown tensor is an error.
//
// llama.cpp itself ignores the window of Phi-3, biases of Cohere and SmolLM3, beta_fast and beta_slow of YaRN, and
// rounds the ramp of gpt-oss's YaRN to whole dimensions. It takes SiLU for BitNet's activation and the approximation by
// tanh for GPT-2's and GPT-NeoX's GELU. Of Gemma 3n it takes the sizes of the published models for granted, whatever
// the file says, and for the deviation of gates it divides by one less than their number. It loads no biases of
// Cohere 2, ERNIE 4.5, Hunyuan, Seed-OSS and Arcee beyond those of Q, K and V, knows the window of EXAONE 4 only in its
// model of 64 layers, and rotates layers with a window of OLMo 3 and Mellum from the base of the others.
var families = []*family{
	&afmoe,
	&apertus,
	&arcee,
	&bailingMoE,
	&bailingMoEV2,
	&bamba,
	&bitNet,
	&cohere,
	&cohere2,
	&deepseekV2,
	&deepseekV3,
	&dots1,
	&ernie4,
	&ernie4MoE,
	&exaone4,
	&falconH1,
	&gemma,
	&gemma2,
	&gemma3,
	&gemma3n,
	&gemma4,
	&gemma4Unified,
	&glm4,
	&glm4MoE,
	&glm4MoELite,
	&glm4VMoE,
	&glm4V,
	&gpt2,
	&gptNeoX,
	&gptOSS,
	&granite,
	&graniteSWA,
	&graniteMoE,
	&granite4,
	&graniteHybrid,
	&graniteMoEShared,
	&hunyuan,
	&hunyuanMoE,
	&internLM3,
	&lfm2,
	&lfm2MoE,
	&llama,
	&mamba2,
	&mellum,
	&miniMaxM2,
	&ministral3,
	&mistral,
	&mistral3,
	&mixtral,
	&nanbeige,
	&nemotronH,
	&nemotronHMoE,
	&olmo2,
	&olmo3,
	&olmoe,
	&phi3,
	&qwen2,
	&qwen2MoE,
	&qwen2VL,
	&qwen3,
	&qwen35MoE,
	&qwen35,
	&qwen3MoE,
	&qwen3Next,
	&qwen3VLMoE,
	&qwen3VL,
	&seedOSS,
	&smolLM3,
	&spark,
	&stableLM,
	&starCoder2,
}

// familyOf finds a family by model_type.
func familyOf(modelType string) (*family, error) {
	known := slices.Collect(maps.Keys(wrappers))
	for _, f := range families {
		if f.Type == modelType {
			return f, nil
		}
		known = append(known, f.Type)
	}
	known = slices.DeleteFunc(known, func(s string) bool {
		outer, inner := strings.CutSuffix(s, "_text")
		return !knowsType(s) || inner && wrappers[outer].Decoder == s // goes without saying
	})
	return nil, fmt.Errorf("%w: model_type %q; bitmill knows%s", formats.ErrUnsupported, modelType, paragraph(known))
}

// knowsType reports whether a model_type is a family's, or a wrapper's around one.
func knowsType(modelType string) bool {
	return slices.ContainsFunc(families, func(f *family) bool {
		return f.Type == modelType || f.Type == wrappers[modelType].Decoder
	})
}

// paragraph lists names on indented lines below a sentence.
func paragraph(names []string) string {
	slices.Sort(names)
	var text strings.Builder
	column := paragraphWidth
	for i, name := range slices.Compact(names) {
		if i > 0 {
			text.WriteByte(',')
		}
		if column += len(name) + 2; column > paragraphWidth {
			text.WriteString("\n ")
			column = len(name) + 3
		}
		text.WriteString(" " + name)
	}
	return text.String()
}

const paragraphWidth = 100 // columns

// familyOfArch finds the family that describes GGUF files of an architecture, with experts or without.
func familyOfArch(arch string, moe bool) (*family, error) {
	var known []string
	var found *family
	for _, f := range families {
		if f.Arch == arch && !f.Guest && (found == nil || f.MoE == moe && found.MoE != moe) {
			found = f
		}
		if !slices.Contains(known, f.Arch) {
			known = append(known, f.Arch)
		}
	}
	if found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("%w: architecture %q; bitmill evaluates%s", formats.ErrUnsupported, arch, paragraph(known))
}
