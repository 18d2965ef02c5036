package kernel

type tile struct{}
