// Package task scores models on questions with answers: multiple choice by the likelihood of each choice, as the
// reference harness (EleutherAI's lm-evaluation-harness) defines it, and exact match of generated text. Two models are
// compared on the same questions by McNemar's test and by how many answers flipped.
package task

import (
	"strings"
	"unicode/utf8"
)

// Item is one question. Either Choices or Targets is set.
type Item struct {
	ID string

	// Multiple choice. A choice's likelihood is that of its Continuation after its Context.
	Choices []Choice
	Answer  int // index of the right one

	// Generation: greedy continuation of Prompt up to the first of Stop or Most tokens, right when it equals one of
	// Targets, spaces around it apart.
	Prompt  string
	Targets []string
	Stop    []string
	Most    int
}

// Choice is one possible answer as text.
type Choice struct{ Context, Continuation string }

// length is that of the continuation in characters, without the space that separates it from the context.
func (c *Choice) length() int {
	return max(1, utf8.RuneCountInString(strings.TrimPrefix(c.Continuation, " ")))
}

// Outcome is one model's answer to one item.
type Outcome struct {
	ID          string    `json:"id"`
	Pick        int       `json:"pick"`      // the most likely choice; -1 for generation
	PickNorm    int       `json:"pick_norm"` // the same by log likelihood over the continuation's length
	Correct     bool      `json:"correct"`
	CorrectNorm bool      `json:"correct_norm"`
	LogP        []float64 `json:"logp,omitempty"` // of each choice, nats
	Text        string    `json:"text,omitempty"` // generated
}
