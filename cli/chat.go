package cli

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
	"bitmill/formats/checkpoint"
	"bitmill/formats/tokenizer"
)

// chatStyles are the common ways of marking turns. A template belongs to the first style whose mark it contains; %s is
// the user's message.
var chatStyles = []struct{ name, mark, form string }{
	{"ChatML", "<|im_start|>", "<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n"},
	{"Llama 3", "<|start_header_id|>",
		"<|start_header_id|>user<|end_header_id|>\n\n%s<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"},
	{"Llama 4", "<|header_start|>",
		"<|header_start|>user<|header_end|>\n\n%s<|eot|><|header_start|>assistant<|header_end|>\n\n"},
	{"Gemma", "<start_of_turn>", "<start_of_turn>user\n%s<end_of_turn>\n<start_of_turn>model\n"},
	{"Phi 3", "<|end|>", "<|user|>\n%s<|end|>\n<|assistant|>\n"},
	{"Zephyr", "<|user|>", "<|user|>\n%s</s>\n<|assistant|>\n"},
	{"Llama 2, Mistral", "[INST]", "[INST] %s [/INST]"},
}

// chatPrompt marks a message as a user's and begins the assistant's answer, without a system message. Templates are
// recognised, not run.
func chatPrompt(c *checkpoint.Checkpoint, message string) (string, error) {
	template, ok, err := c.Metadata.String("tokenizer.chat_template")
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.Path, err)
	}
	if !ok {
		return "", fmt.Errorf("%s has no chat template: leave out --chat and write the prompt as the model expects it",
			c.Path)
	}
	var names []string
	for _, s := range chatStyles {
		if strings.Contains(template, s.mark) {
			return fmt.Sprintf(s.form, message), nil
		}
		names = append(names, s.name)
	}
	return "", fmt.Errorf("%w: %s has a chat template of another style than %s: leave out --chat and write the marks "+
		"into the prompt",
		formats.ErrUnsupported, c.Path, strings.Join(names, "; "))
}

// endings are tokens that end a text or a turn, in the vocabularies that have them.
var endings = []string{
	"</s>", "<|endoftext|>", "<|end_of_text|>", "<eos>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|eot|>",
	"<end_of_turn>", "<|end|>", "<|end_of_turn|>", "<EOT>", "<｜end▁of▁sentence｜>",
}

// endTokens are the EOS token and the endings among the control tokens.
func endTokens(t *tokenizer.Tokenizer) map[int32]bool {
	ends := map[int32]bool{t.EOS: true}
	for id := range int32(t.Vocab()) {
		if text, kind, _ := t.Token(id); kind == tokenizer.Control && slices.Contains(endings, text) {
			ends[id] = true
		}
	}
	return ends
}
