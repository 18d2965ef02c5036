package oracle

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// prepare makes the graphs and tables for windows of n tokens. Only one length is kept, as each has a graph of its own.
func (o *Oracle) prepare(n int) error {
	if o.graphs != nil && o.graphs.tokens == n {
		return nil
	}
	o.dropGraphs()
	k := o.model.config
	g := &graphs{tokens: n, masks: map[bool]*tensors.Tensor{false: causalMask(n, 0), true: causalMask(n, k.Window)}}
	var err error
	if g.layer, err = graph.NewExec(o.backend, layerGraph(k, o.model.roles)); err != nil {
		return err
	}
	if g.head, err = graph.NewExec(o.backend, headGraph(k)); err != nil {
		return err
	}
	g.cos, g.sin = ropeAngles(k, n)
	g.rotation = rotation(k)
	o.graphs = g
	return nil
}

// graphs are the compiled graphs for one window length, and the constants that go with it.
type graphs struct {
	tokens             int
	layer, head        *graph.Exec
	cos, sin, rotation *tensors.Tensor
	masks              map[bool]*tensors.Tensor // of layers without and with the sliding window
}

func (o *Oracle) dropGraphs() {
	g := o.graphs
	if g == nil {
		return
	}
	o.graphs = nil
	g.layer.Finalize()
	g.head.Finalize()
	release(g.cos)
	release(g.sin)
	release(g.rotation)
	for _, m := range g.masks {
		release(m)
	}
}
