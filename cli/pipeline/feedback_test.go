package pipeline

import (
	"errors"
	"strings"
	"testing"

	"bitmill/eval/infer"
	"bitmill/formats/checkpoint"
	"bitmill/formats/checkpoint/checkpointtest"
)

// A text that memory does not suffice for is refused with what would fit.
func TestFeedbackFits(t *testing.T) {
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
	for free, says := range map[int64]string{1 << 40: "", 80 << 20: "use at most --chunks ", 1 << 20: "; make fewer"} {
		availableMemory = func() (int64, bool) { return free, true }
		err := feedbackFits(c, windows, 3)
		if says == "" && err != nil || says != "" && (!errors.Is(err, infer.ErrMemory) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%d bytes: %v", free, err)
		}
	}
}
