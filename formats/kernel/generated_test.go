package kernel

import (
	"testing"

	"bitmill/formats/kernel/kerneltest"
)

func TestGeneratedSums(t *testing.T) { kerneltest.Sums(t, "formats/kernel") }

func TestRegenerate(t *testing.T) { kerneltest.Regenerate(t, "formats/kernel", "kernel.go") }
