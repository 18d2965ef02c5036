package tokenizer

// Byte-level vocabularies write a token's bytes as printable characters, one character per byte (GPT-2's encoder.py):
// the printable bytes ! to ~, ¡ to ¬ and ® to ÿ stand for themselves, the other 68 bytes, in ascending order, for
// U+0100 to U+0143. So a space is Ġ (U+0120) and a line feed is Ċ (U+010A).
var (
	byteRune [256]rune    // the character of a byte
	runeByte [0x144]int16 // the byte of a character, -1 where none
)

func init() {
	for r := range runeByte {
		runeByte[r] = -1
	}
	next := rune(0x100)
	for b := range byteRune {
		r := rune(b)
		if !(b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE) {
			r, next = next, next+1
		}
		byteRune[b], runeByte[r] = r, int16(b)
	}
}

// appendBytes appends the bytes that the characters of s stand for. When a character stands for no byte, ok is false
// and dst is unchanged: s is then an added token, written as it is.
func appendBytes(dst []byte, s string) (_ []byte, ok bool) {
	start := len(dst)
	for _, r := range s {
		if r >= rune(len(runeByte)) || runeByte[r] < 0 {
			return dst[:start], false
		}
		dst = append(dst, byte(runeByte[r]))
	}
	return dst, true
}
