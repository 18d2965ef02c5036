package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// maxNumbers bounds what a range may stand for.
const maxNumbers = 1000

// numbersOf reads a number that is not negative, or a range as llama-bench has it: FIRST-LAST, FIRST-LAST+STEP or
// FIRST-LAST*FACTOR.
func numbersOf(word string) ([]int, error) {
	wrong := fmt.Errorf("give a number of at least 0, or a range such as 128-512+128 or 64-1024*2")
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 1<<30 {
			return -1
		}
		return n
	}
	from, to, isRange := strings.Cut(strings.TrimSpace(word), "-")
	first := number(from)
	if !isRange {
		if first < 0 {
			return nil, wrong
		}
		return []int{first}, nil
	}
	next := func(n int) int { return n + 1 }
	if last, step, ok := strings.Cut(to, "+"); ok {
		by := number(step)
		if by < 1 {
			return nil, wrong
		}
		to, next = last, func(n int) int { return n + by }
	} else if last, factor, ok := strings.Cut(to, "*"); ok {
		by := number(factor)
		if by < 2 || first < 1 {
			return nil, wrong
		}
		to, next = last, func(n int) int { return n * by }
	}
	last := number(to)
	if first < 0 || last < first {
		return nil, wrong
	}
	var numbers []int
	for n := first; n <= last; n = next(n) {
		if len(numbers) == maxNumbers {
			return nil, fmt.Errorf("the range has more than %d numbers", maxNumbers)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}
