package tokenizer

import (
	"encoding/json"

	"bitmill/formats"
	"bitmill/formats/pyjson"
)

// mostGrowth is how many times longer a normalizer may make a text. Those in use stay below 16: a mark of three bytes
// for each space, and one in front. Without a limit a few Replace in a row make terabytes of a word.
const mostGrowth = 64

// mostReplacement is the limit of a replacement in a charsmap, in bytes. Unicode's longest has 33.
const mostReplacement = 1 << 10

// checkGrowth refuses a normalizer that makes texts too long.
func checkGrowth(raw json.RawMessage) error {
	if n := growth(raw); n > mostGrowth {
		return formats.Corruptf("tokenizer.json", -1, "normalizer", "it makes a text up to %d times longer, or more; "+
			"%d times is the limit", n, mostGrowth)
	}
	return nil
}

// growth is how many times longer a normalizer can make a text, rounded up; what exceeds mostGrowth is not exact.
func growth(raw json.RawMessage) int {
	var n normalizerJSON
	if pyjson.Null(raw) || pyjson.Unmarshal(raw, &n) != nil {
		return 1
	}
	switch {
	case n.Type == "Sequence":
		all := 1
		for _, step := range n.Normalizers {
			if all = all * min(growth(step), mostGrowth+1); all > mostGrowth {
				break
			}
		}
		return all
	case n.Type == "Prepend":
		return 1 + len(n.Prepend)
	case n.Type == "Replace" && n.Pattern.String != nil && *n.Pattern.String != "":
		return max(1, (len(n.Content)+len(*n.Pattern.String)-1)/len(*n.Pattern.String))
	case n.Type == "Replace": // an expression can match between any two bytes
		return 1 + len(n.Content)
	}
	return 1
}
