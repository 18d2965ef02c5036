package file

// Written is the record of a file that is complete.
type Written struct {
	Path   string `json:"path"` // where records of a folder keep it, relative to the folder
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // hexadecimal
}
