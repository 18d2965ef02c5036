package gate_test

import (
	"fmt"
	"strings"

	"bitmill/eval/gate"
	"bitmill/eval/report"
)

func ExampleCheck() {
	row := report.Blank("Q4_K_M")
	row.KLD, row.KLDSE, row.FileBytes = 0.0282, 0.0002, 480
	r := &report.Report{Models: []report.Model{{Name: "m", Artifacts: []report.Row{row}}}}
	rules, err := gate.ReadBudget(strings.NewReader("rules: [{metric: kld, max: 0.02}, {metric: file_bytes, max: 500}]"))
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := gate.Check(r, nil, rules, gate.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("passed:", result.Passed)
	for _, f := range result.Findings {
		fmt.Println(f.Status, "-", f.Rule)
	}
	// Output:
	// passed: false
	// broken - kld at most 0.02
	// ok - file_bytes at most 500
}
