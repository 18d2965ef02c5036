package quantize

import "strings"

// Condition says when a rule applies. Conditions are bits; a rule with several applies when all of them hold.
//
// Positions compare a tensor's index i with a count n: for attention values the index among the model's value tensors,
// for feed-forward tensors the layer. All divisions are of integers.
type Condition uint32

const (
	firstTwo     Condition = 1 << iota // i < 2
	firstFour                          // i < 4
	first16th                          // i < n/16
	first8th                           // i < n/8
	first8thSeen                       // as first8th, but i counts tensors of this role, not layers (experts: several)
	middle                             // n/8 <= i < 7n/8
	moreBits                           // i < n/8, or i >= 7n/8, or every third layer between: (i - n/8) % 3 == 2
	gqa4                               // at least four query heads share a key head
	experts4                           // at least four experts
	moe8                               // exactly eight experts (Mixtral)
	shape70B                           // the shape of a 70B model, in which eight heads share small value matrices
	falcon                             // architecture falcon
	bailing3                           // architecture bailingmoe3, whose attention has stacked matrices too
	withImatrix
	withoutImatrix
	unevenRow           // the row length is not a multiple of the default type's block
	stacked             // several matrices in one tensor: experts
	always    Condition = 0
)

// conditions gives each bit its name in reasons and its meaning.
var conditions = []struct {
	bit   Condition
	name  string
	holds func(s *tensorContext) bool
}{
	{firstTwo, "first-two", func(s *tensorContext) bool { return s.index < 2 }},
	{firstFour, "first-four", func(s *tensorContext) bool { return s.index < 4 }},
	{first16th, "first-16th", func(s *tensorContext) bool { return s.index < s.count/16 }},
	{first8th, "first-8th", func(s *tensorContext) bool { return s.index < s.count/8 }},
	{first8thSeen, "first-8th", func(s *tensorContext) bool { return s.seen < s.count/8 }},
	{middle, "middle", func(s *tensorContext) bool { return s.index >= s.count/8 && s.index < 7*s.count/8 }},
	{moreBits, "more-bits", func(s *tensorContext) bool {
		i, n := s.index, s.count
		return i < n/8 || i >= 7*n/8 || (i-n/8)%3 == 2
	}},
	{gqa4, "GQA>=4", func(s *tensorContext) bool { return s.gqa >= 4 }},
	{experts4, "experts>=4", func(s *tensorContext) bool { return s.experts >= 4 }},
	{moe8, "experts=8", func(s *tensorContext) bool { return s.experts == 8 }},
	{shape70B, "70B", func(s *tensorContext) bool { return s.is70B }},
	{falcon, "falcon", func(s *tensorContext) bool { return s.arch == "falcon" }},
	{bailing3, "bailingmoe3", func(s *tensorContext) bool { return s.arch == "bailingmoe3" }},
	{withImatrix, "with-imatrix", func(s *tensorContext) bool { return s.imatrix }},
	{withoutImatrix, "without-imatrix", func(s *tensorContext) bool { return !s.imatrix }},
	{unevenRow, "uneven-row", func(s *tensorContext) bool { return s.uneven }},
	{stacked, "stacked", func(s *tensorContext) bool { return s.matrices > 1 }},
}

// tensorContext is what conditions are tested on: the model and one tensor's place in it.
type tensorContext struct {
	*model
	imatrix  bool
	role     Role
	index    int // position, see Condition
	count    int // number of positions
	seen     int // tensors of this kind before this one that rules decided on
	uneven   bool
	matrices int64
}

func (c Condition) holds(s *tensorContext) bool {
	for _, d := range conditions {
		if c&d.bit != 0 && !d.holds(s) {
			return false
		}
	}
	return true
}

// String names the conditions, separated by spaces.
func (c Condition) String() string {
	var names []string
	for _, d := range conditions {
		if c&d.bit != 0 {
			names = append(names, d.name)
		}
	}
	return strings.Join(names, " ")
}
