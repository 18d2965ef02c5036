package gguf

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Metadata is an ordered list of keys and values. The Go types uint8 int8 uint16 int16 uint32 int32 float32 bool
// string uint64 int64 float64 stand for the GGUF types of the same name. Arrays are slices of these ([]string,
// []int32, []uint8, []bool ...); arrays of arrays are []any that hold such slices. The zero value is empty and ready;
// a nil Metadata reads as empty. Values are shared, not copied: do not change a slice that was set or got.
type Metadata struct {
	keys   []string
	values map[string]any
}

// Set gives key the value v. An existing key keeps its position, a new one goes to the end. GGUF holds UTF-8: other
// bytes in texts become U+FFFD. A value whose Go type has no GGUF type is refused by the writer, not here.
func (m *Metadata) Set(key string, v any) {
	switch texts := v.(type) {
	case string:
		v = utf8Text(texts)
	case []string:
		if slices.ContainsFunc(texts, func(s string) bool { return !utf8.ValidString(s) }) {
			texts = slices.Clone(texts)
			for i := range texts {
				texts[i] = utf8Text(texts[i])
			}
			v = texts
		}
	}
	m.put(utf8Text(key), v)
}

func utf8Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// put is Set for what a file holds, as it is.
func (m *Metadata) put(key string, v any) {
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	if m.values == nil {
		m.values = map[string]any{}
	}
	m.values[key] = v
}

// Get returns the value of key and whether there is one.
func (m *Metadata) Get(key string) (any, bool) {
	if m == nil {
		return nil, false
	}
	v, ok := m.values[key]
	return v, ok
}

// Delete removes key; without such a key it does nothing. Delete then Set moves a key to the end, which is how ggml
// itself sets a key.
func (m *Metadata) Delete(key string) {
	if _, ok := m.Get(key); !ok {
		return
	}
	delete(m.values, key)
	i := slices.Index(m.keys, key)
	m.keys = slices.Delete(m.keys, i, i+1)
}

// Keys lists the keys in order; the slice is the caller's.
func (m *Metadata) Keys() []string {
	if m == nil {
		return nil
	}
	return slices.Clone(m.keys)
}

// Len is the number of keys.
func (m *Metadata) Len() int {
	if m == nil {
		return 0
	}
	return len(m.keys)
}

// Clone copies the list; the values are shared.
func (m *Metadata) Clone() *Metadata {
	if m == nil {
		return &Metadata{}
	}
	return &Metadata{keys: slices.Clone(m.keys), values: maps.Clone(m.values)}
}
