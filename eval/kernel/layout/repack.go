package layout

// CodeGroup says how code4s of a repacked type lie in words: a code4 is the codes of four neighbouring columns of a
// row, a byte each, and a code group is as many of them as share words.
type CodeGroup struct {
	Words int
	// Shifts is how far the code4s lie shifted in their bytes when a mask has cut them out, with those that are put
	// together on top: one for each slot.
	Shifts []uint8
}

// CodeGroupOf returns the code group of codes of so many bits. Words keep a code4 in the same bits of their four bytes;
// with x and y for code4s that lie in one word:
//
//	bits  words  of a byte
//	2     1      x << 0, x << 2, x << 4, x << 6
//	3     3      x << 0, y << 3; of two more, z and w, the upper two bits on top of words 0 and 1, the lowest ones in
//	             bits 7 and 6 of word 2; in the order x0 y0 x1 y1 x2 y2 z w
//	4     1      x << 0, x << 4
//	5     5      x << 0; of three more the upper three bits on top of words 0 to 2, the lower two of the first and of the
//	             second in bits 6 and 7 of words 3 and 4, those of the third in bit 5 of word 3 (the upper) and of word 4
//	6     3      x << 0; of one more two bits on top of each word, the highest in word 0
//	8     1      x
func CodeGroupOf(bits int) CodeGroup { return codeGroups[bits] }

var codeGroups = [...]CodeGroup{
	2: {1, []uint8{0, 2, 4, 6}},
	3: {3, []uint8{0, 3, 0, 3, 0, 3, 5, 5}},
	4: {1, []uint8{0, 4}},
	5: {5, []uint8{0, 0, 0, 0, 0, 3, 3, 3}},
	6: {3, []uint8{0, 0, 0, 2}},
	8: {1, []uint8{0}},
}

// Order says which code4 of a block is in a slot of a code group.
type Order func(group, slot int) int

// DefaultOrder gives each slot of four code groups of a block of 256 columns 16 of them, one slot after the other;
// blocks of 32 have fewer groups.
func DefaultOrder(bits, columns int) Order {
	slots := len(CodeGroupOf(bits).Shifts)
	n := min(4, columns/4/slots)
	return func(group, slot int) int { return n*(group/n*slots+slot) + group%n }
}

// OrderQ4_K gives a code group columns of two groups of 32, so that these lie side by side.
func OrderQ4_K(group, slot int) int { return group/8*16 + 8*slot + group%8 }
