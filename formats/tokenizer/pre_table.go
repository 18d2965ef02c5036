package tokenizer

// The patterns as the tokenizer.json files of their first models spell them, but with case-insensitive contractions
// written out and without possessive quantifiers. The names of preTokenizers come from llama.cpp's src/llama-vocab.cpp,
// which has the same patterns, but for tekken and gpt4o: there every letter beyond ASCII counts as upper and as lower
// case.
const (
	afmoeDigits     = `\p{N}{1,3}(?=(?:\p{N}{3})*(?!\p{N}))`
	afmoeScripts    = `[一-鿿㐀-䶿豈-\x{FAFF}぀-ゟ゠-ヿ･-ﾟ⼀-\x{2FDF}เ-\x{0E7F}\x{0E80}-\x{0EFF}ក-\x{17FF}က-႟ꩠ-ꩿꧠ-\x{A9FF}가-\x{D7AF}ᄀ-ᇿ]+`
	bailing         = `'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`
	bloom           = ` ?[^(\s|.,!?…。，、।۔،)]+`
	chameleonMarks  = `[\p{P}!-/:-@\[-` + "`" + `{-~]`
	cjk             = `[一-龥ࠀ-一가-퟿]+`
	cjkKana         = `[一-龥぀-ゟ゠-ヿ]+`
	cl100k          = `'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+`
	deepseek3       = `[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + "`" + `{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	deepseekLetters = `\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+`
	deepseekMarks   = `\s?[!-/:-~！-／：-～‘-‟　-。]+`
	defaultMarks    = `[\p{P}\$\+<=>\^~\|]+`
	exaoneMoE       = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+`
	falconMarks     = `[\p{P}\$\+<=>\^~\|` + "`" + `]+`
	gpt2            = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	gpt4o           = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	jais2           = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}`
	kimi            = `[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	llama3          = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	minicpm5        = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2           = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen35          = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	seedCoder       = `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+`
	spark           = `[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_` + "`" + `{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+`
	tekken          = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	ufakzeka        = `[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	youtu           = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	youtuScripts    = `[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+`
)

// preTokenizer is one of llama.cpp's names for a way to cut texts, and what the name implies there unless the file says
// otherwise.
type preTokenizer struct {
	name         string
	patterns     []string // applied in turn, each to the pieces of the one before
	ignoreMerges bool     // a word that is a token stays whole, whatever the merges say
	addBOS       bool
	underlined   bool // BPE over characters, with ▁ for spaces, cut only at line feeds (makeCharBPE)
}

// preTokenizers is sorted by name. "whitespace" is left out, because it is a model of its own (makeWhitespaceBPE).
var preTokenizers = []preTokenizer{
	{name: "a.x-4.0", patterns: []string{gpt2}},
	{name: "afmoe", patterns: []string{afmoeDigits, afmoeScripts, deepseek3}},
	{name: "bailingmoe", patterns: []string{bailing}},
	{name: "bailingmoe2", patterns: []string{bailing}},
	{name: "bloom", patterns: []string{bloom}},
	{name: "chameleon", patterns: []string{`<sentinel:[0-9]+>`, `(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z`, `([\t\n]|    |  )`, `\p{N}`, chameleonMarks, gpt2}, addBOS: true},
	{name: "chatglm-bpe", patterns: []string{llama3}},
	{name: "codeshell", patterns: []string{`\p{N}`, gpt2}},
	{name: "cohere2moe", patterns: []string{`\d{1,3}(?=(?:\d{3})*\b)`, gpt4o}},
	{name: "command-r", patterns: []string{`\p{N}`, gpt2}},
	{name: "dbrx", patterns: []string{llama3}},
	{name: "deepseek-coder", patterns: []string{`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, cjk, `\p{N}`}},
	{name: "deepseek-llm", patterns: []string{`[\r\n]`, deepseekLetters, deepseekMarks, `\s+$`, cjk, `\p{N}+`}},
	{name: "deepseek-r1-qwen", patterns: []string{qwen2}},
	{name: "deepseek-v3", patterns: []string{`\p{N}{1,3}`, cjkKana, deepseek3}},
	{name: "default", patterns: []string{defaultMarks, gpt2, `\p{N}+`, `[0-9][0-9][0-9]`}},
	{name: "exaone", patterns: []string{`\p{N}`, gpt2}},
	{name: "exaone-moe", patterns: []string{exaoneMoE}},
	{name: "exaone4", patterns: []string{gpt2}},
	{name: "f2llmv2", patterns: []string{qwen2}},
	{name: "falcon", patterns: []string{falconMarks, gpt2, `[0-9][0-9][0-9]`}},
	{name: "falcon-h1", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "falcon3", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "gemma4", underlined: true, addBOS: true},
	{name: "gigachat", patterns: []string{gpt2}},
	{name: "glm4", patterns: []string{llama3}},
	{name: "gpt-2", patterns: []string{gpt2}},
	{name: "gpt-4o", patterns: []string{gpt4o}},
	{name: "gpt3-finnish", patterns: []string{bloom}},
	{name: "granite-docling", patterns: []string{gpt2}},
	{name: "granite-embed-multi-311m", underlined: true, addBOS: true},
	{name: "granite-embed-multi-97m", patterns: []string{gpt4o}, ignoreMerges: true},
	{name: "grok-2", patterns: []string{qwen2}},
	{name: "hunyuan", patterns: []string{qwen2}},
	{name: "hunyuan-dense", patterns: []string{`\p{N}{1,3}`, cjkKana, deepseek3}},
	{name: "hy_v4", patterns: []string{`\p{N}{1,3}`, cjkKana, deepseek3}},
	{name: "jais", patterns: []string{gpt2}},
	{name: "jais-2", patterns: []string{jais2}},
	{name: "jina-de", patterns: []string{gpt2}},
	{name: "jina-es", patterns: []string{gpt2}},
	{name: "jina-v1-en", patterns: []string{gpt2}},
	{name: "jina-v2-code", patterns: []string{gpt2}},
	{name: "jina-v2-de", patterns: []string{gpt2}},
	{name: "jina-v2-es", patterns: []string{gpt2}},
	{name: "jina-v5-nano", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "joyai-llm", patterns: []string{`\p{N}{1,3}`, cjkKana, deepseek3}},
	{name: "kanana2", patterns: []string{gpt4o}},
	{name: "kimi-k2", patterns: []string{kimi}},
	{name: "kormo", patterns: []string{qwen2}},
	{name: "laguna", patterns: []string{`[^\n]+|[\n]+`, qwen2}},
	{name: "lfm2", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "llada-moe", patterns: []string{bailing}},
	{name: "llama-bpe", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "llama-v3", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "llama3", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "llama4", patterns: []string{gpt4o}},
	{name: "megrez", patterns: []string{qwen2}},
	{name: "mellum", patterns: []string{gpt2}},
	{name: "mellum2", patterns: []string{`\p{N}`, gpt2}},
	{name: "midm-2.0", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "minerva-7b", patterns: []string{`\p{N}`, gpt2}},
	{name: "minicpm5", patterns: []string{`\p{N}{1,3}`, minicpm5}, ignoreMerges: true},
	{name: "minimax-m2", patterns: []string{gpt4o}},
	{name: "modern-bert", patterns: []string{gpt2}},
	{name: "mpt", patterns: []string{gpt2}},
	{name: "olmo", patterns: []string{gpt2}},
	{name: "phi-2", patterns: []string{gpt2}},
	{name: "pixtral", patterns: []string{llama3}, ignoreMerges: true, addBOS: true},
	{name: "poro-chat", patterns: []string{bloom}},
	{name: "qwen2", patterns: []string{qwen2}},
	{name: "qwen35", patterns: []string{qwen35}},
	{name: "refact", patterns: []string{`\p{N}`, gpt2}},
	{name: "roberta-bpe", patterns: []string{gpt2}},
	{name: "sarvam-moe", underlined: true},
	{name: "seed-coder", patterns: []string{seedCoder}},
	{name: "smaug-bpe", patterns: []string{llama3}},
	{name: "smollm", patterns: []string{`\p{N}`, gpt2}},
	{name: "solar-open", patterns: []string{qwen2}},
	{name: "spark2_5", patterns: []string{`\p{N}{1,3}`, cjkKana, spark, `\p{N}`}},
	{name: "stablelm2", patterns: []string{qwen2}},
	{name: "starcoder", patterns: []string{`\p{N}`, gpt2}},
	{name: "superbpe", patterns: []string{`\p{N}+`, `(?=(\d{3})+(?!\d))`}},
	{name: "talkie", patterns: []string{gpt4o}},
	{name: "tekken", patterns: []string{tekken}, ignoreMerges: true, addBOS: true},
	{name: "tiny_aya", patterns: []string{`\d{1,3}(?=(?:\d{3})*\b)`, gpt4o}},
	{name: "trillion", patterns: []string{gpt2}},
	{name: "ufakzeka", patterns: []string{ufakzeka}},
	{name: "viking", patterns: []string{bloom, `\p{N}`}},
	{name: "youtu", patterns: []string{youtuScripts, youtu}},
}
