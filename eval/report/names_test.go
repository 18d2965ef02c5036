package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"bitmill/formats"
	"bitmill/formats/file/filetest"
)

// named sets every text in a report to a name, as a report.json by a stranger may.
func named(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Pointer:
		if !v.IsNil() {
			named(v.Elem(), name)
		}
	case reflect.Slice:
		for i := range v.Len() {
			named(v.Index(i), name)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				named(v.Field(i), name)
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			if k.Kind() == reflect.String {
				x := v.MapIndex(k)
				v.SetMapIndex(k, reflect.Value{})
				v.SetMapIndex(reflect.ValueOf(name).Convert(k.Type()), x)
			}
		}
	}
}

// outputs are all that is made of a report, and what must hold of each, beside that nothing in it is harmful.
var outputs = map[string]struct {
	write func(io.Writer, *Report) error
	check func(t *testing.T, got, plain []byte)
}{
	"HTML":     {whole(HTML), checkHTML},
	"Markdown": {whole(Markdown), checkMarkdown},
	"Table":    {Table, func(*testing.T, []byte, []byte) {}},
	"CSV":      {CSV, checkCSV},
	"JSON":     {WriteJSON, nil},
	"card": {func(w io.Writer, r *Report) error {
		return ModelCard(w, r, &r.Models[0], Origin{r.Models[0].Name, r.Models[0].Name})
	}, checkCard},
	"sums":       {func(w io.Writer, r *Report) error { _, err := io.WriteString(w, r.Models[0].Sums()); return err }, checkSums},
	"Modelfiles": {writeModelfiles, checkModelfiles},
}

// whole writes a page whose colophon has the report's names.
func whole(write func(io.Writer, *Report, Colophon) error) func(io.Writer, *Report) error {
	return func(w io.Writer, r *Report) error {
		var c Colophon
		named(reflect.ValueOf(&c), r.Models[0].Name)
		return write(w, r, c)
	}
}

func writeModelfiles(w io.Writer, r *Report) (err error) {
	for _, text := range r.Models[0].Modelfiles() {
		_, err = io.WriteString(w, text)
	}
	return err
}

// TestNamesMeanNothing gives every text of a report every hostile name: no output takes one for anything but a name.
func TestNamesMeanNothing(t *testing.T) {
	r := oddReport()
	plain := map[string][]byte{}
	named(reflect.ValueOf(r), "name")
	for output, o := range outputs {
		plain[output] = render(t, o.write, r)
	}
	for what, name := range filetest.Names {
		named(reflect.ValueOf(r), name)
		for output, o := range outputs {
			got := render(t, o.write, r)
			if o.check == nil {
				if !json.Valid(got) {
					t.Errorf("%s: %s is not JSON", what, output)
				}
				continue
			}
			if i := bytes.IndexFunc(got, steers); i >= 0 && output != "sums" { // these hold names as they are
				t.Errorf("%s: %s holds %q", what, output, got[i:min(i+20, len(got))])
			}
			t.Run(what+" "+output, func(t *testing.T) { o.check(t, got, plain[output]) })
		}
	}
}

// steers reports whether a character does not belong into a text.
func steers(c rune) bool { return c != '\n' && c != '\t' && formats.Harmful(c) }

func checkHTML(t *testing.T, got, plain []byte) {
	if n, want := bytes.Count(got, []byte("<b>")), bytes.Count(plain, []byte("<b>")); n != want {
		t.Errorf("%d elements <b>, not %d", n, want)
	}
	d := xml.NewDecoder(bytes.NewReader(got))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch e.Name.Local {
		case "script", "img", "iframe", "object", "embed", "form", "base":
			t.Errorf("an element <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			name, local := a.Name.Local, strings.HasPrefix(a.Value, "#") || strings.HasPrefix(a.Value, "./")
			if strings.HasPrefix(name, "on") || name == "src" || name == "href" && !local {
				t.Errorf("<%s %s=%q>", e.Name.Local, name, a.Value)
			}
		}
	}
}

// activeMarkdown is what GitHub would show as a link, an image or HTML.
var activeMarkdown = regexp.MustCompile(`(^|[^\\])(\]\([^#]|<[a-zA-Z/!])`)

// code is what means nothing in Markdown: what stands between fences, or behind four spaces.
var code = regexp.MustCompile("(?ms)^```[a-z]*\n.*?^```$|^    [^\n]*$")

// checkMarkdown compares the lines, and the cells of each, with those of a report with plain names.
func checkMarkdown(t *testing.T, got, plain []byte) {
	got, plain = code.ReplaceAll(got, nil), code.ReplaceAll(plain, nil)
	if n, want := len(activeMarkdown.FindAll(got, -1)), len(activeMarkdown.FindAll(plain, -1)); n > want {
		t.Errorf("%d links and elements, not %d", n, want)
	}
	lines, want := strings.Split(string(got), "\n"), strings.Split(string(plain), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, not %d", len(lines), len(want))
	}
	cells := func(s string) int { return strings.Count(strings.ReplaceAll(s, `\|`, ""), "|") }
	for i := range lines {
		if cells(lines[i]) != cells(want[i]) || strings.HasPrefix(lines[i], "```") != strings.HasPrefix(want[i], "```") {
			t.Errorf("line %d is %q, with plain names %q", i+1, lines[i], want[i])
		}
	}
}

func checkCSV(t *testing.T, got, _ []byte) {
	lines, err := csv.NewReader(bytes.NewReader(got)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		for _, cell := range line {
			if _, err := strconv.ParseFloat(cell, 64); cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) && err != nil {
				t.Errorf("the formula %q", cell)
			}
		}
	}
}

func checkCard(t *testing.T, got, plain []byte) {
	_, rest, _ := bytes.Cut(got, []byte("---\n"))
	front, text, _ := bytes.Cut(rest, []byte("\n---\n"))
	var meta map[string]any
	if err := yaml.Unmarshal(front, &meta); err != nil || len(meta) != 6 || meta["quantized_by"] != "bitmill" {
		t.Errorf("front matter %v, %v", meta, err)
	}
	_, plain, _ = bytes.Cut(plain, []byte("\n---\n"))
	text = bytes.Replace(text, []byte("<!-- "+CardMark+" -->"), nil, 1)
	checkMarkdown(t, text, bytes.Replace(plain, []byte("<!-- "+CardMark+" -->"), nil, 1))
}

func checkSums(t *testing.T, got, plain []byte) {
	if bytes.Count(got, []byte("\n")) != bytes.Count(plain, []byte("\n")) {
		t.Errorf("%q", got)
	}
}

func checkModelfiles(t *testing.T, got, _ []byte) {
	for line := range strings.SplitSeq(strings.TrimSuffix(string(got), "\n"), "\n") {
		if line != "" && (!strings.HasPrefix(line, "FROM ./") || strings.Contains(line[7:], "/")) {
			t.Errorf("the line %q", line)
		}
	}
}
