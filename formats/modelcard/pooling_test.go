package modelcard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPooling(t *testing.T) {
	const modules = `[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
		{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]`
	for _, p := range []struct {
		modules, config string
		want            Pooling
		says            string
	}{
		{"", "", PoolingUnsaid, ""},
		{`[]`, "", PoolingUnsaid, ""},
		{modules, `{"pooling_mode_mean_tokens": true}`, PoolingMean, ""},
		{modules, `{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}`, PoolingFirst, ""},
		{modules, `{"word_embedding_dimension": 1024, "pooling_mode_lasttoken": true}`, PoolingLast, ""},
		{modules, `{"pooling_mode": "lasttoken"}`, PoolingLast, ""},
		{modules, `{"pooling_mode_max_tokens": true}`, PoolingUnsaid, "none of mean, cls and lasttoken"},
		{modules, `{`, PoolingUnsaid, "JSON"},
		{modules, "", PoolingUnsaid, ""},
		{`{"a": 1}`, "", PoolingUnsaid, "modules.json"},
		{strings.Replace(modules, "1_Pooling", "../other", 1), "", PoolingUnsaid, `"../other", which is not in`},
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "1_Pooling"), 0o777); err != nil {
			t.Fatal(err)
		}
		if p.modules != "" {
			write(t, dir, "modules.json", p.modules)
		}
		if p.config != "" {
			write(t, dir, "1_Pooling/config.json", p.config)
		}
		info, err := Read(dir, "", Size{})
		if err != nil || info.Pooling != p.want || !strings.Contains(strings.Join(info.Warnings, " "), p.says) ||
			(p.says == "") != (len(info.Warnings) == 0) {
			t.Errorf("%+v: %v, %v, %q", p, err, info.Pooling, info.Warnings)
		}
	}
}
