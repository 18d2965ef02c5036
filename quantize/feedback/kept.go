package feedback

import (
	"fmt"
	"slices"
	"strings"

	"bitmill/formats"
)

// Kept counts the matrices that kept the encoder's values, and names them, those of several layers together:
// "blk.0-3,7.attn_k.weight", and for a stack "blk.2.ffn_up_exps.weight (5 experts)".
func (s *Store) Kept() (n int, names []string) {
	experts := map[string]int{} // by tensor
	layers := map[string][]int{}
	for k, p := range s.places {
		if p.After != p.Before {
			continue
		}
		n++
		if experts[k.name]++; experts[k.name] == 1 {
			layer := formats.LayerOf(k.name)
			part := strings.TrimPrefix(k.name, fmt.Sprintf("blk.%d.", layer))
			layers[part] = append(layers[part], layer)
		}
	}
	for part, list := range layers {
		slices.Sort(list)
		if list[0] < 0 {
			names = append(names, part)
			continue
		}
		name := fmt.Sprintf("blk.%s.%s", ranges(list), part)
		count := 0
		for _, layer := range list {
			count += experts[fmt.Sprintf("blk.%d.%s", layer, part)]
		}
		switch {
		case count == 1 && strings.Contains(part, "_exps"):
			name += " (1 expert)"
		case count > len(list) || strings.Contains(part, "_exps"):
			name += fmt.Sprintf(" (%d experts)", count)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return n, names
}

// ranges writes ascending numbers, runs of them as first-last.
func ranges(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		end := i + 1
		for end < len(list) && list[end] == list[end-1]+1 {
			end++
		}
		part := fmt.Sprint(list[i])
		if end > i+1 {
			part += fmt.Sprintf("-%d", list[end-1])
		}
		parts = append(parts, part)
		i = end
	}
	return strings.Join(parts, ",")
}
