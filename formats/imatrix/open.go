package imatrix

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"bitmill/formats"
	"bitmill/formats/gguf"
	"bitmill/formats/store"
)

// Keys and tensor name endings of an imatrix in GGUF.
const (
	keyType      = "general.type"
	keyDatasets  = "imatrix.datasets"
	keyChunks    = "imatrix.chunk_count"
	keyChunkSize = "imatrix.chunk_size"

	sumSuffix   = ".in_sum2"
	countSuffix = ".counts"
)

// Open reads an importance matrix: GGUF, or the legacy .dat of llama.cpp. The first four bytes tell them apart.
func Open(path string) (*Matrix, error) {
	m, err := store.Map(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := m.Load(); err != nil {
		return nil, err
	}
	return Parse(path, m.Data)
}

// Parse reads a file held in memory; name is what errors call it. The result does not refer to data.
func Parse(name string, data []byte) (*Matrix, error) {
	var m *Matrix
	var err error
	if len(data) >= 4 && string(data[:4]) == "GGUF" {
		m, err = parseGGUF(name, data)
	} else {
		m, err = parseLegacy(name, data)
	}
	if err != nil {
		return nil, err
	}
	if err := m.sort(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func parseGGUF(name string, data []byte) (*Matrix, error) {
	f, err := gguf.Parse(name, data)
	if err != nil {
		return nil, err
	}
	m := &Matrix{}
	if err := m.readMetadata(f.Metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	counts := map[string]bool{}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if base, ok := strings.CutSuffix(t.Name, countSuffix); ok {
			counts[base] = true
			continue
		}
		base, ok := strings.CutSuffix(t.Name, sumSuffix)
		if !ok {
			m.Ignored = append(m.Ignored, t.Name)
			continue
		}
		c, ok := f.Tensor(base + countSuffix)
		if !ok {
			return nil, formats.Corruptf(name, -1, "tensor "+t.Name, "there is no %s%s", base, countSuffix)
		}
		e := Entry{Name: base}
		if e.SumSquares, err = floats(name, t); err != nil {
			return nil, err
		}
		if e.Counts, err = floats(name, c); err != nil {
			return nil, err
		}
		if len(e.Counts) == 0 || len(e.SumSquares) == 0 || len(e.SumSquares)%len(e.Counts) != 0 {
			return nil, formats.Corruptf(name, t.Offset, "tensor "+t.Name, "%d sums for %d counts", len(e.SumSquares),
				len(e.Counts))
		}
		m.Entries = append(m.Entries, e)
	}
	for i := range m.Entries {
		delete(counts, m.Entries[i].Name)
	}
	for base := range counts {
		return nil, formats.Corruptf(name, -1, "tensor "+base+countSuffix, "there is no %s%s", base, sumSuffix)
	}
	if len(m.Entries) == 0 {
		kind, _, _ := f.Metadata.String(keyType)
		return nil, fmt.Errorf("%s: %w: a GGUF file of type %q without *%s tensors is not an imatrix", name,
			formats.ErrUnsupported, kind, sumSuffix)
	}
	return m, nil
}

// readMetadata takes llama.cpp's four keys, all optional; others go to Extra.
func (m *Matrix) readMetadata(md *gguf.Metadata) error {
	var err error
	if m.Datasets, _, err = md.Strings(keyDatasets); err != nil {
		return err
	}
	for key, dst := range map[string]*int{keyChunks: &m.Windows, keyChunkSize: &m.WindowSize} {
		v, _, err := md.Uint(key)
		if err != nil {
			return err
		}
		if v > math.MaxUint32 {
			return fmt.Errorf("%w: metadata key %s is %d", formats.ErrCorrupt, key, v)
		}
		*dst = int(v)
	}
	for _, key := range md.Keys() {
		switch key {
		case keyType, keyDatasets, keyChunks, keyChunkSize:
			continue
		}
		if m.Extra == nil {
			m.Extra = &gguf.Metadata{}
		}
		v, _ := md.Get(key)
		m.Extra.Set(key, v)
	}
	return nil
}

// floats copies an F32 tensor.
func floats(name string, t *gguf.Tensor) ([]float32, error) {
	if t.Type != formats.F32 {
		return nil, fmt.Errorf("%s: tensor %s: %w: an imatrix in %s; it must be F32", name, t.Name, formats.ErrUnsupported,
			t.Type)
	}
	v := make([]float32, len(t.Data)/4)
	_, err := binary.Decode(t.Data, binary.LittleEndian, v)
	return v, err
}
