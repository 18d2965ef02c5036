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

// Memory that is free or allowed is what method feedback takes; where it does not suffice, the error says for what.
func TestFeedbackRoom(t *testing.T) {
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
	all := feedback.RoomFor(c, 20*512, 512, 0, 3, 0).Memory
	least := feedback.RoomFor(c, 20*512, 512, 0, 3, 1).Memory
	for _, test := range []struct {
		free, limit int64
		memory      int64
		says        string
	}{
		{2 * all, 0, all, ""}, {2 * all, all, all, ""}, {0, all, all, ""}, {2 * all, least, least, ""},
		{2 * all, 1 << 20, 0, "MiB at least for "}, {2 * all, 1 << 20, 0, "1 MiB are what --max-memory allows; --method reference"},
		{8 << 20, all, 0, "7 MiB are free; "},
	} {
		availableMemory = func() (int64, bool) { return test.free, test.free > 0 }
		r, err := feedbackRoom(c, windows, quantize.Fit{}, 3, test.limit)
		if err == nil && r.Memory != test.memory || (err != nil) != (test.says != "") {
			t.Errorf("%d bytes, up to %d: %+v, %v", test.free, test.limit, r, err)
		}
		if err != nil && (!errors.Is(err, infer.ErrMemory) || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%d bytes, up to %d: %v", test.free, test.limit, err)
		}
	}
}
