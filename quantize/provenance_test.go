package quantize

import (
	"strings"
	"testing"

	"bitmill/formats/gguf"
)

func TestProvenanceSaysWhyTensorsCannotBeCopied(t *testing.T) {
	want := Provenance{Version: FormatVersion, Source: strings.Repeat("a", 64), Imatrix: strings.Repeat("b", 64)}
	with := func(change func(*Provenance)) Provenance {
		p := want
		change(&p)
		return p
	}
	for _, c := range []struct {
		got  Provenance
		says string
	}{
		{want, ""},
		{Provenance{}, "does not record"},
		{with(func(p *Provenance) { p.Source = "" }), "does not record"},
		{with(func(p *Provenance) { p.Version = "0.0.1" }), "bitmill 0.0.1 wrote it"},
		{with(func(p *Provenance) { p.Source = "c" }), "another model"},
		{with(func(p *Provenance) { p.Imatrix = "" }), "with no importance matrix, not with importance matrix bbbbbbbbbbbb"},
	} {
		switch err := want.Accepts(c.got); {
		case err == nil && c.says == "", err != nil && c.says != "" && strings.Contains(err.Error(), c.says):
		default:
			t.Errorf("%+v: %v, want %q", c.got, err, c.says)
		}
	}
}

// The keys decide whether the work of an earlier process counts, so their values are part of the format.
func TestKeysStayTheSame(t *testing.T) {
	p := Provenance{Version: FormatVersion, Source: "s", Imatrix: "i"}
	resume, err := p.ResumeKey(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	artifact, err := p.ArtifactKey(Options{Format: "Q4_K_M", Provenance: &gguf.Metadata{}})
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string][2]string{
		"resume":   {resume, "a2fb07a6d25e5d7f198253e09e63f865acfa1018647a1323d36e13f90178e9dc"},
		"stream":   {streamKey(resume, []byte("header")), "4ee28a28a1403336251f30ad76e31146cc14bce4e861d880e7a002af7ac85930"},
		"artifact": {artifact, "66fcbb2c571cd86fb92593825965127635ead8fbc901b2623aa863858f529987"},
	} {
		if key[0] != key[1] {
			t.Errorf("%s: %s, want %s", name, key[0], key[1])
		}
	}
}
