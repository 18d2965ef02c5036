package imatrix

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"bitmill/formats"
	"bitmill/formats/file"
	"bitmill/formats/gguf"
)

// Write writes the matrix in GGUF, all or nothing.
func (m *Matrix) Write(path string) error {
	b, err := m.Encode()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return file.Write(path, b)
}

// Hash is the SHA-256 of Encode in hexadecimal; "" without a matrix. It is computed once: the matrix must not change
// afterwards.
func (m *Matrix) Hash() (string, error) {
	if m == nil {
		return "", nil
	}
	if m.hash != "" {
		return m.hash, nil
	}
	data, err := m.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	m.hash = hex.EncodeToString(sum[:])
	return m.hash, nil
}

// Encode lays the matrix out in GGUF as llama-imatrix does: four keys, then per entry, by name, NAME.in_sum2 [cols,
// mats] and NAME.counts [1, mats], both F32. A legacy matrix is written with its calls as counts, which gives
// llama-quantize the same weights.
func (m *Matrix) Encode() ([]byte, error) {
	sorted := Matrix{Entries: append([]Entry(nil), m.Entries...)}
	if err := sorted.sort(); err != nil {
		return nil, err
	}
	if err := sorted.Check(); err != nil {
		return nil, err
	}
	md, err := m.metadata()
	if err != nil {
		return nil, err
	}
	var tensors []formats.Tensor
	var data [][]float32
	for i := range sorted.Entries {
		e := &sorted.Entries[i]
		mats := int64(len(e.Counts))
		tensors = append(tensors,
			formats.Tensor{Name: e.Name + sumSuffix, Type: formats.F32, Shape: []int64{int64(e.Cols()), mats}},
			formats.Tensor{Name: e.Name + countSuffix, Type: formats.F32, Shape: []int64{1, mats}})
		data = append(data, e.SumSquares, e.Counts)
	}
	var b bytes.Buffer
	err = gguf.Write(&b, md, tensors, func(i int) ([]byte, error) {
		return binary.Append(nil, binary.LittleEndian, data[i])
	})
	return b.Bytes(), err
}

func (m *Matrix) metadata() (*gguf.Metadata, error) {
	if m.Windows < 0 || m.Windows > math.MaxUint32 || m.WindowSize < 0 || m.WindowSize > math.MaxUint32 {
		return nil, fmt.Errorf("imatrix: %d windows of %d tokens do not fit in uint32", m.Windows, m.WindowSize)
	}
	md := &gguf.Metadata{}
	md.Set(keyType, "imatrix")
	md.Set(keyDatasets, append([]string{}, m.Datasets...))
	md.Set(keyChunks, uint32(m.Windows))
	md.Set(keyChunkSize, uint32(m.WindowSize))
	for _, key := range m.Extra.Keys() {
		if _, ok := md.Get(key); ok {
			return nil, fmt.Errorf("imatrix: extra key %s is one of the format's own", key)
		}
		v, _ := m.Extra.Get(key)
		md.Set(key, v)
	}
	return md, nil
}
