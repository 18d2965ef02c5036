package quantize

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// Methods of choosing the scales and levels of a type.
const (
	Reference = "reference" // the encoders', with llama-quantize's bytes
	Feedback  = "feedback"  // by the errors' effect on the outputs of each layer; see package feedback
)

// TypesChosen stands for types that are chosen for the bytes of the format, see NewChosenPlan.
const TypesChosen = "chosen"

// CheckMethod fails for a name that is not a method's.
func CheckMethod(name string) error {
	if name != Reference && name != Feedback {
		return fmt.Errorf("method %q: bitmill knows %s", name, strings.Join([]string{Reference, Feedback}, " and "))
	}
	return nil
}

// SetMethod records a method and, unless it is Reference, the text that it used, by its windows.
func (p *Provenance) SetMethod(name string, windows [][]int32) {
	p.Method, p.Text = "", ""
	if name != "" && name != Reference {
		p.Method, p.Text = name, WindowsHash(windows)
	}
}

// WindowsHash is the hash of a text as a method sees it, by its tokens.
func WindowsHash(windows [][]int32) string {
	h := sha256.New()
	for _, w := range windows {
		data := binary.LittleEndian.AppendUint32(nil, uint32(len(w)))
		for _, t := range w {
			data = binary.LittleEndian.AppendUint32(data, uint32(t))
		}
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))
}
