//go:build !nodemo && !slim

package corpus

import "embed"

//go:embed data/calibration/*.txt data/evaluation/*.txt
var tree embed.FS
