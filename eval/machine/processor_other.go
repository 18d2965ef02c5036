//go:build !linux && !darwin

package machine

import "os"

// processor is what Windows tells.
func processor() string { return os.Getenv("PROCESSOR_IDENTIFIER") }
