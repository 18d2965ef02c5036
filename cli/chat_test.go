package cli

import (
	"errors"
	"testing"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/gguf"
)

func TestChatPrompt(t *testing.T) {
	for _, tt := range []struct{ template, want string }{
		{"{{ '<|im_start|>' + message['role'] }}", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"},
		{"{{ '<|start_header_id|>' }}",
			"<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>" +
				"<|start_header_id|>assistant<|end_header_id|>\n\n"},
		{"'<start_of_turn>' + role", "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n"},
		{"'<|user|>' + '\n' + message['content'] + '<|end|>'", "<|user|>\nHi<|end|>\n<|assistant|>\n"},
		{"'<|user|>\n' + message['content'] + eos_token", "<|user|>\nHi</s>\n<|assistant|>\n"},
		{"'[INST] ' + message['content']", "[INST] Hi [/INST]"},
	} {
		m := new(gguf.Metadata)
		m.Set("tokenizer.chat_template", tt.template)
		got, err := chatPrompt(&checkpoint.Checkpoint{Metadata: m}, "Hi")
		if err != nil || got != tt.want {
			t.Errorf("%q: %q, %v; want %q", tt.template, got, err, tt.want)
		}
	}
	m := new(gguf.Metadata)
	m.Set("tokenizer.chat_template", "{{ 'Human: ' }}")
	if _, err := chatPrompt(&checkpoint.Checkpoint{Metadata: m}, "Hi"); !errors.Is(err, formats.ErrUnsupported) {
		t.Errorf("an unknown style: %v", err)
	}
}
