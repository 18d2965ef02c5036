//go:build clouds

package store

import (
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/gcsblob"
)

// Their libraries more than double the binary: they are built on demand.
func init() {
	Register("gs", blob.OpenBucket)
	Register("azblob", blob.OpenBucket)
}
