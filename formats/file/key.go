package file

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Key hashes the parts, each marshalled as JSON, into a key under which work is resumed.
func Key(parts ...any) (string, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, p := range parts {
		if err := enc.Encode(p); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
