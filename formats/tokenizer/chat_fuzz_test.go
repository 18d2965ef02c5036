package tokenizer

import (
	"strings"
	"testing"
	"testing/fstest"

	"bitmill/formats/gguf"
)

// FuzzChatTemplate: no chat template, in any of its files, makes reading or writing its metadata panic; it is text.
func FuzzChatTemplate(f *testing.F) {
	const plain = `{"model":{"type":"BPE","vocab":{"a":0},"merges":[]},"pre_tokenizer":{"type":"ByteLevel"}}`
	f.Add(`{"chat_template":"{% for m in messages %}{{ m }}{% endfor %}"}`, "", `{}`, "")
	f.Add(`{"chat_template":[{"name":"default","template":"x"},{"name":"a b\n","template":"y"},{"name":1}]}`, "", "", "")
	f.Add(`{}`, "{{ ''.__class__.__mro__ }}", "", "{% include '/etc/passwd' %}")
	f.Add(`{}`, "", `{"chat_template":"z"}`, "")
	f.Add(`{}`, "\xfb", "", "")
	f.Fuzz(func(t *testing.T, config, jinja, file, more string) {
		files := fstest.MapFS{"tokenizer.json": {Data: []byte(plain)}, "tokenizer_config.json": {Data: []byte(config)},
			"chat_template.json": {Data: []byte(file)}, "additional_chat_templates/a.jinja": {Data: []byte(more)}}
		if jinja != "" {
			files["chat_template.jinja"] = &fstest.MapFile{Data: []byte(jinja)}
		}
		tok, err := FromFS(files, "folder")
		if err != nil {
			return
		}
		m := &gguf.Metadata{}
		tok.AddMetadata(m, tok.Vocab())
		if text, ok, _ := m.String("tokenizer.chat_template"); ok && config == "{}" && jinja != "" && text != strings.ToValidUTF8(jinja, "\uFFFD") {
			t.Fatalf("the template %q became %q", jinja, text)
		}
	})
}
