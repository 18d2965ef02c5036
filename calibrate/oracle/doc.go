// Package oracle computes a model's logits a second time, independently of the engine in eval/infer: as a gomlx graph
// in float32, with nothing quantized but the stored weights. If both agree, both are right; if they differ by more than
// the formats explain, one is wrong. It shares the checkpoint reader and the block decoders with the engine, but no
// arithmetic.
//
// It knows the GGUF architectures llama (Llama and Mistral, with a sliding window too), qwen2 and qwen3, from a Hugging
// Face folder or any GGUF file. Quantized weights are decoded first. A tensor without a place in the graph is an error,
// so that no other architecture is computed wrongly.
//
// One layer is compiled once, and every layer's weights are decoded into the same buffers for it; the output matrix
// goes through in slabs. Memory is therefore one layer, one slab, the values between the products and the logits,
// whatever the model's size. Against transformers' float32 logits the relative RMS error is 1.5e-6 to 2.3e-6. Plain Go
// multiplies at about 3.5 GFLOP/s per core, so this is for small models and single windows; building with
// GOEXPERIMENT=simd lets gomlx use AVX2 or AVX-512 and is about 2.5 times faster, to the same accuracy.
//
// # Pitfalls of gomlx 0.28.2 with the Go backend of compute 0.1.2
//
// Tried, or read in the source. This package guards against those that matter here.
//
//   - Deadlock, still there: in the default order and with ops_parallel, sixteen independent products of 384x384,
//     forward only, hang in about every second run on two cores (products wait for workers that wait for them).
//     ops_sequential never did; products still use all workers.
//   - The option parallelism=N prints to standard output. The worker pool is reached through its exported field instead
//     (setThreads).
//   - Graph building panics on wrong shapes. Exec.Call returns that as an error; NewExec and everything else is guarded
//     here. A panic in one of the backend's own goroutines cannot be caught.
//   - Binary operations want equal ranks or a scalar: reshape a gain to [1, width].
//   - Every input shape compiles a graph. An Exec keeps 32, the next is an error: the oracle keeps one length.
//   - tensors.FromFlatDataAndDimensions copies, and the first run copies again; Backend.NewSharedBuffer with
//     tensors.FromBuffer does neither, and later writes to it are seen by the next run.
//   - Freed buffers go to pools that the collector empties: peak memory is up to twice what lives at once.
//   - Products work on bare addresses (uintptr): right in practice, but -race turns pointer checks on, and the process
//     dies with "checkptr: pointer arithmetic result points to invalid allocation". With -gcflags=all=-d=checkptr=0 it
//     runs, and no race was found.
//   - Missing operations: DynamicSlice, DynamicUpdateSlice (so no key-value cache in the graph). Missing gradients:
//     Rsqrt, Round, Floor; hence Sqrt and Div in the norm.
//   - compute.New reads an environment variable; gobackend.New does not.
//   - 32-bit platforms do not compile (a constant overflows int); Windows, macOS, arm64 and wasm do.
//
// Gone since 0.26: the slow gradient of a product, the refusal of float16 inputs, the crash of integer products, and
// the lack of Pad, Reverse, Bitcast, shifts and the gradient of Slice. Round now goes to the nearest even.
package oracle
