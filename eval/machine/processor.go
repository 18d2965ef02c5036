package machine

import "runtime"

// Processor is the name of the processor as the system has it, or else the system and its architecture.
func Processor() string {
	if name := processor(); name != "" {
		return name
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}
