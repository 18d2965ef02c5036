package pipeline

import (
	"errors"
	"strings"
	"testing"

	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
	"bitmill/quantize"
	"bitmill/quantize/feedback"
)

// Where memory does not suffice for all artifacts, some come after the others; where it does not for one, the error
// says what would fit.
func TestFeedbackGroup(t *testing.T) {
	defer func(f func() (int64, bool)) { availableMemory = f }(availableMemory)
	c, err := checkpoint.Open(checkpointtest.Load(t, "llama").Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	windows := make([][]int32, 20)
	for i := range windows {
		windows[i] = make([]int32, 512)
	}
	two := feedback.Memory(c, 20*512, 2)
	for _, test := range []struct {
		free  int64
		group int
		says  string
	}{
		{1 << 40, 3, ""}, {two, 2, ""}, {two - 1, 1, ""}, {250 << 20, 0, "use --fit-tokens "}, {1 << 20, 0, "; --method reference"},
	} {
		availableMemory = func() (int64, bool) { return test.free, true }
		n, err := feedbackGroup(c, windows, quantize.Fit{}, 3)
		if n != test.group || (err != nil) != (n == 0) {
			t.Errorf("%d bytes: %d at once, %v", test.free, n, err)
		}
		if err != nil && (!errors.Is(err, infer.ErrMemory) || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%d bytes: %v", test.free, err)
		}
	}
}
