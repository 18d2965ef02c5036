package report

import (
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPageStructure: the page is well-formed, refers to nothing outside, and can be read and reached without eyes or mouse.
func TestPageStructure(t *testing.T) {
	for name, r := range map[string]*Report{"demo": demoReport(t), "odd": oddReport(), "empty": {}} {
		d := xml.NewDecoder(strings.NewReader(string(render(t, htmlOf, r))))
		d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
		var open, ids, links []string
		last, count := 0, map[string]int{}
		for {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			switch e := token.(type) {
			case xml.StartElement:
				a := map[string]string{}
				for _, x := range e.Attr {
					a[x.Name.Local] = x.Value
				}
				tag := e.Name.Local
				open = append(open, tag)
				count[tag]++
				ids, links = append(ids, a["id"]), append(links, a["href"])
				if h := a["href"]; a["src"] != "" || h != "" && !strings.HasPrefix(h, "#") && !strings.HasPrefix(h, "./") {
					t.Errorf("%s: <%s> refers to something outside: %v", name, tag, a)
				}
				if tag == "svg" && (a["role"] != "group" || a["aria-label"] == "") || tag == "table" && a["aria-label"] == "" {
					t.Errorf("%s: <%s> has no name: %v", name, tag, a)
				}
				if a["class"] == "scroll" && (a["tabindex"] != "0" || a["aria-label"] == "" || a["role"] == "") {
					t.Errorf("%s: what scrolls cannot be reached by keys or has no name: %v", name, a)
				}
				if tag == "th" && a["scope"] == "" {
					t.Errorf("%s: a heading of a table has no scope", name)
				}
				if level, err := strconv.Atoi(strings.TrimPrefix(tag, "h")); err == nil && len(tag) == 2 {
					if level > last+1 {
						t.Errorf("%s: <%s> after <h%d>", name, tag, last)
					}
					last = level
				}
			case xml.EndElement:
				if n := len(open) - 1; n < 0 || open[n] != e.Name.Local {
					t.Fatalf("%s: </%s> closes %v", name, e.Name.Local, open)
				}
				open = open[:len(open)-1]
			}
		}
		if len(open) > 0 {
			t.Errorf("%s: %v are not closed", name, open)
		}
		for _, landmark := range []string{"header", "main", "nav", "h1"} {
			if count[landmark] != 1 {
				t.Errorf("%s: %d elements <%s>", name, count[landmark], landmark)
			}
		}
		for _, l := range links {
			if strings.HasPrefix(l, "#") && !slices.Contains(ids, l[1:]) {
				t.Errorf("%s: %s leads nowhere", name, l)
			}
		}
		slices.Sort(ids)
		ids = slices.DeleteFunc(ids, func(s string) bool { return s == "" })
		if n := len(ids); len(slices.Compact(ids)) != n {
			t.Errorf("%s: an id occurs twice: %v", name, ids)
		}
	}
}

// TestPageHead: date, duration, version, processor and the whole command stand in the header, the verdict is a badge with
// its rules behind it, and everything statistical is folded away.
func TestPageHead(t *testing.T) {
	s := string(render(t, htmlOf, oddReport()))
	header, rest, _ := strings.Cut(s, "</header>")
	for _, want := range []string{"30 November 2026, 18:10 UTC", "95 s", "bitmill 0.3.0, commit 0123456789ab", "2 threads, avx512",
		"--output &#39;a b&#39; --budget b.yaml", `<span class="grade grade4">budget not kept</span> 2 findings: 1 broken, 1 ok`,
		"kld is 0.4, beyond the limit of 0.01."} {
		if !strings.Contains(header, want) {
			t.Errorf("the header lacks %q", want)
		}
	}
	_, statistics, ok := strings.Cut(rest, `<section id="statistics"`)
	if !ok || strings.Count(statistics, "<table") < 10 {
		t.Fatal("the statistics are not there")
	}
	depth := 0
	for _, tag := range regexp.MustCompile(`</?details|<table|<figure`).FindAllString(statistics, -1) {
		switch tag {
		case "<details":
			depth++
		case "</details":
			depth--
		default:
			if depth == 0 {
				t.Errorf("%s> is not folded away", tag)
			}
		}
	}
	if plain := string(render(t, htmlOf, &Report{Tool: "bitmill"})); strings.Contains(plain, "budget not kept") || !strings.Contains(plain, `class="meta"`) {
		t.Error("a report without a colophon speaks of a budget, or does not name its tool")
	}
}

// TestPageInChromium renders the page in light and dark where there is a Chromium; TestPageStructure runs everywhere.
func TestPageInChromium(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && browser == "" {
			browser = path
		}
	}
	if browser == "" {
		t.Skip("no Chromium here")
	}
	dir := t.TempDir()
	html := filepath.Join(dir, "page.html")
	if err := os.WriteFile(html, render(t, htmlOf, oddReport()), 0o644); err != nil {
		t.Fatal(err)
	}
	for scheme, page := range map[string]color.RGBA{"1": {0xff, 0xff, 0xff, 255}, "0": {0x14, 0x18, 0x1d, 255}} { // of Blink's preferredColorScheme
		img := screenshot(t, browser, html, filepath.Join(dir, scheme+".png"), "--blink-settings=preferredColorScheme="+scheme)
		b := img.Bounds()
		ink, colours := 0, map[color.Color]bool{}
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				c := color.RGBAModel.Convert(img.At(x, y))
				if c != page {
					ink++
				}
				if y%7 == 0 {
					colours[c] = true
				}
			}
		}
		share := float64(ink) / float64(b.Dx()*b.Dy())
		if got := color.RGBAModel.Convert(img.At(b.Min.X+2, b.Min.Y+2)); got != page || share < .01 || share > .5 || len(colours) < 50 {
			t.Errorf("scheme %s: page %v, %.1f %% of it written on in %d colours", scheme, got, 100*share, len(colours))
		}
	}
}

// screenshot runs the browser with a profile of its own.
func screenshot(t *testing.T, browser, html, to string, flags ...string) image.Image {
	t.Helper()
	profile, err := os.MkdirTemp("", "bitmill-chromium")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(profile) // a late write of the browser's is no failure
	args := append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=1000,3000", "--user-data-dir=" + profile,
		"--screenshot=" + to}, flags...)
	c := exec.CommandContext(t.Context(), browser, append(args, "file://"+html)...)
	c.WaitDelay = time.Second
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := os.Open(to)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
