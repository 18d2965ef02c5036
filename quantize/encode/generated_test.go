package encode

import (
	"testing"

	"bitmill/eval/kernel/kerneltest"
)

func TestGeneratedSums(t *testing.T) { kerneltest.Sums(t, "quantize/encode") }

func TestRegenerate(t *testing.T) { kerneltest.Regenerate(t, "quantize/encode", "lanes.go") }
