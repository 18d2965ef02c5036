package tune

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"io"

	"bitmill/formats/file"
)

// head is the first line of a state. Behind it, every matrix has its latent values and the means of its gradients, as
// little-endian floats, and the best data, unless they are those of the start; the last 32 bytes are the SHA-256 of all.
type head struct {
	Key    string `json:"key"`
	Step   int    `json:"step"`
	Pass   int    `json:"pass"` // the best one
	Passes int    `json:"passes"`
	// The divergence on the windows held back, at the start and the best: their bits, so that a result is the same.
	Before, After float64
}

var errOther = errors.New("the state is of other inputs, or damaged")

// StateBytes is about what states of so many values whose tensors take so many bytes need on the disk: each is there
// until the next one is whole.
func StateBytes(values, data int64) int64 { return 2 * (3*4*values + data) }

func (u *tuning) arrays(m *matrix) [3][]float32 { return [3][]float32{m.latent, m.mean, m.square} }

// save writes the state, all or nothing.
func (u *tuning) save() error {
	if u.State == "" {
		return nil
	}
	p, err := file.Create(u.State, 0)
	if err != nil {
		return err
	}
	defer p.Abort()
	w, sum := bufio.NewWriterSize(p, 1<<20), sha256.New()
	if err := u.write(io.MultiWriter(w, sum)); err != nil {
		return err
	}
	w.Write(sum.Sum(nil))
	if err := w.Flush(); err != nil {
		return err
	}
	return p.Commit()
}

func (u *tuning) write(w io.Writer) error {
	r := &u.result
	err := json.NewEncoder(w).Encode(head{u.Key, u.step, r.Pass, r.Passes, r.Before, r.After})
	for _, m := range u.matrices {
		for _, a := range u.arrays(m) {
			if err == nil {
				err = binary.Write(w, binary.LittleEndian, a)
			}
		}
		if data, ok := r.Data[m.Name]; ok && err == nil {
			_, err = w.Write(data)
		}
	}
	return err
}

// load takes up the state that an earlier call has left for the same key. Where there is none, or it is damaged, all
// begins anew.
func (u *tuning) load() bool {
	if u.State == "" {
		return false
	}
	f, _, err := file.Open(u.State)
	if err != nil {
		return false
	}
	defer f.Close()
	if u.read(bufio.NewReaderSize(f, 1<<20), sha256.New()) == nil {
		for _, m := range u.matrices {
			m.restore()
		}
		return true
	}
	u.step, u.result = 0, Result{}
	for _, m := range u.matrices {
		copy(m.latent, m.values)
		clear(m.mean)
		clear(m.square)
	}
	return false
}

func (u *tuning) read(f *bufio.Reader, sum hash.Hash) error {
	line, err := f.ReadBytes('\n')
	if err != nil {
		return err
	}
	sum.Write(line)
	var h head
	if err := json.Unmarshal(line, &h); err != nil {
		return err
	}
	if h.Key != u.Key {
		return errOther
	}
	u.step, u.result = h.Step, Result{Pass: h.Pass, Passes: h.Passes, Before: h.Before, After: h.After}
	if h.Pass > 0 {
		u.result.Data = map[string][]byte{}
	}
	r := io.TeeReader(f, sum)
	for _, m := range u.matrices {
		for _, a := range u.arrays(m) {
			if err := binary.Read(r, binary.LittleEndian, a); err != nil {
				return err
			}
		}
		if h.Pass > 0 {
			data := make([]byte, len(m.Data))
			if _, err := io.ReadFull(r, data); err != nil {
				return err
			}
			u.result.Data[m.Name] = data
		}
	}
	var want [sha256.Size]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return err
	}
	if [sha256.Size]byte(sum.Sum(nil)) != want {
		return errOther
	}
	return nil
}
