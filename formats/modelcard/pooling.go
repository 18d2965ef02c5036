package modelcard

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"bitmill/formats/pyjson"
	"bitmill/formats/store"
)

// Pooling is how a model makes one vector of a text's, as GGUF numbers it.
type Pooling uint32

const (
	PoolingUnsaid Pooling = iota
	PoolingMean
	PoolingFirst // of the first token, CLS
	PoolingLast
)

// readPooling reads the pooling of a folder for sentence-transformers, which has a list of modules. Nothing but
// embeddings needs it: one that cannot be read is left out with a warning.
func readPooling(dir string) (p Pooling, warnings []string) {
	var modules []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	_, err := decodeFile(store.Join(dir, "modules.json"), &modules)
	for _, m := range modules {
		if err != nil || !strings.HasSuffix(m.Type, "Pooling") {
			continue
		}
		if m.Path != "" && !filepath.IsLocal(m.Path) {
			err = fmt.Errorf("modules.json names the folder %q, which is not in %s", m.Path, dir)
			break
		}
		var mode struct {
			Mean  bool   `json:"pooling_mode_mean_tokens"`
			First bool   `json:"pooling_mode_cls_token"`
			Last  bool   `json:"pooling_mode_lasttoken"`
			Name  string `json:"pooling_mode"`
		}
		path := store.Join(dir, filepath.FromSlash(m.Path), "config.json")
		var found bool
		found, err = decodeFile(path, &mode)
		switch {
		case err != nil || !found:
		case mode.Mean || mode.Name == "mean":
			return PoolingMean, nil
		case mode.First || mode.Name == "cls":
			return PoolingFirst, nil
		case mode.Last || mode.Name == "lasttoken":
			return PoolingLast, nil
		default:
			err = fmt.Errorf("%s names none of mean, cls and lasttoken", path)
		}
		break
	}
	if err != nil {
		warnings = []string{fmt.Sprintf("the pooling of embeddings is left out: %v", err)}
	}
	return PoolingUnsaid, warnings
}

// decodeFile reads a file that may be missing.
func decodeFile(path string, v any) (found bool, err error) {
	data, err := store.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		if err = pyjson.Unmarshal(data, v); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	return true, err
}
