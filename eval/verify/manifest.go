package verify

import (
	"fmt"
	"strings"

	"bitmill/formats"
)

// A manifest is text in the form of sha256sum: per tensor a line of 64 hexadecimal digits, two spaces and the name. In
// a name, a backslash, a line feed and a carriage return are written \\, \n and \r, and the line then starts with a
// backslash. Reading skips empty lines and lines that start with #.

var (
	escape   = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

// FormatManifest writes a manifest.
func FormatManifest(list []Hash) []byte {
	var b strings.Builder
	for _, h := range list {
		name := escape.Replace(h.Name)
		if name != h.Name {
			b.WriteByte('\\')
		}
		fmt.Fprintf(&b, "%s  %s\n", h.SHA256, name)
	}
	return []byte(b.String())
}

// ParseManifest reads a manifest; path is what errors call it.
func ParseManifest(path string, data []byte) ([]Hash, error) {
	var list []Hash
	seen := map[string]bool{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		escaped := line[0] == '\\'
		if escaped {
			line = line[1:]
		}
		hash, name, ok := strings.Cut(line, " ")
		if !ok || !isHash(hash) || len(name) == 0 || (name[0] != ' ' && name[0] != '*') {
			return nil, fmt.Errorf("%s, line %d: %w: a line is a SHA-256 in hexadecimal, two spaces and a tensor's name", path,
				i+1, formats.ErrCorrupt)
		}
		name = name[1:]
		if escaped {
			name = unescape.Replace(name)
		}
		if seen[name] {
			return nil, fmt.Errorf("%s, line %d: %w: tensor %s is listed twice", path, i+1, formats.ErrCorrupt, name)
		}
		seen[name] = true
		list = append(list, Hash{name, strings.ToLower(hash)})
	}
	if list == nil {
		return nil, fmt.Errorf("%s lists no tensor", path)
	}
	return list, nil
}

// Manifest compares the hashes with those of a manifest.
func (r *Result) Manifest(want []Hash) {
	known := map[string]string{}
	for _, h := range want {
		known[h.Name] = h.SHA256
	}
	for _, h := range r.Hashes {
		w, ok := known[h.Name]
		delete(known, h.Name)
		switch {
		case !ok:
			r.problem(h.Name, "the manifest does not list it")
		case w != h.SHA256:
			r.problem(h.Name, "its data hash to %s, the manifest says %s", h.SHA256, w)
		}
	}
	for _, h := range want {
		if _, left := known[h.Name]; left {
			r.problem(h.Name, "the manifest lists it, the file does not have it")
		}
	}
}

// isHash reports whether s is a SHA-256 in hexadecimal.
func isHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
