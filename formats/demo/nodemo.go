//go:build nodemo || slim

package demo

import "embed"

var (
	tree                    embed.FS
	Calibration, Evaluation string
	models                  []Model
)
