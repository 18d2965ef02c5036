package kernel

import (
	"testing"

	"bitmill/eval/kernel/kerneltest"
)

func TestGeneratedSums(t *testing.T) { kerneltest.Sums(t, "eval/kernel") }

func TestRegenerate(t *testing.T) { kerneltest.Regenerate(t, "eval/kernel", "kernel.go") }
