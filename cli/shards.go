package cli

import (
	"context"

	"bitmill/formats/gguf"
)

// copy writes the targets and shows progress.
func (e env) copy(ctx context.Context, what string, f *gguf.File, targets []gguf.Target) error {
	bar := e.Events.Begin(what, "bytes")
	if err := gguf.Copy(ctx, f, targets, bar.Set); err != nil {
		return err
	}
	bar.Done()
	return nil
}
