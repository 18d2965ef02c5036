package gguf

// Metadata keys that say how a model is stored in files.
const (
	KeyFileType            = "general.file_type"            // u32, llama.cpp's llama_ftype
	KeyQuantizationVersion = "general.quantization_version" // u32, QuantizationVersion

	KeySplitNo      = "split.no"            // u16, from 0
	KeySplitCount   = "split.count"         // u16; 0 or 1 in a file that is whole
	KeySplitTensors = "split.tensors.count" // i32, of all shards together
)

// QuantizationVersion is ggml's GGML_QNT_VERSION: the generation of its block layouts.
const QuantizationVersion uint32 = 2

// Values of general.file_type for files whose matrices have one type. Those of formats stand with their recipes.
const (
	FileTypeF32   uint32 = 0
	FileTypeF16   uint32 = 1
	FileTypeBF16  uint32 = 32
	FileTypeMXFP4 uint32 = 38 // of the experts
	FileTypeNVFP4 uint32 = 39

	FileTypeGuessed uint32 = 1024 // a bit: the file did not say its type
)

// IsSplitKey reports whether a key says how a model is cut into files, rather than what it is.
func IsSplitKey(key string) bool {
	return key == KeySplitNo || key == KeySplitCount || key == KeySplitTensors
}
