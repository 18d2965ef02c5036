//go:build nodemo || slim

package corpus

import "embed"

var tree embed.FS
