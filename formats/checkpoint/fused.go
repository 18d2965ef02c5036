package checkpoint

import "strings"

// fusions are tensors that llama.cpp's converter makes of several when asked to (--fuse-gate-up-exps, --fuse-qkv): their
// rows, of each expert, follow each other.
var fusions = []struct {
	whole string
	parts []string
}{
	{"ffn_gate_up_exps", []string{"ffn_gate_exps", "ffn_up_exps"}},
	{"attn_qkv", []string{"attn_q", "attn_k", "attn_v"}},
}

// insteadOf names the tensors that may stand for one of the architecture: the whole for a part, the parts for a whole;
// nil for most.
func insteadOf(name string) []string {
	for _, f := range fusions {
		for _, part := range f.parts {
			if layer, ok := strings.CutSuffix(name, "."+part+".weight"); ok {
				return []string{layer + "." + f.whole + ".weight"}
			}
		}
		if layer, ok := strings.CutSuffix(name, "."+f.whole+".weight"); ok {
			var list []string
			for _, part := range f.parts {
				list = append(list, layer+"."+part+".weight")
			}
			return list
		}
	}
	return nil
}

// replaced reports whether other tensors stand for one that is missing.
func (c *Checkpoint) replaced(name string) bool {
	list := insteadOf(name)
	for _, other := range list {
		if _, ok := c.Tensor(other); !ok {
			return false
		}
	}
	return list != nil
}
