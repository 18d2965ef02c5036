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
		"resume":   {resume, "9aa501fd42317e9d106c85931e736ab72c982397059abe21ae39c3b67a5a1915"},
		"stream":   {streamKey(resume, []byte("header")), "5f53713ccd65dfe4bb0a4452fec1af1a9d9f614f25914dc45dddd08bff8230d8"},
		"artifact": {artifact, "03758cd4eef1378df90c32b48c97cee20e74366dcf7aa03b3c3d85f6169ab596"},
	} {
		if key[0] != key[1] {
			t.Errorf("%s: %s, want %s", name, key[0], key[1])
		}
	}
}
