package modelcard

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// modelID holds the parts of a Hugging Face id: org/Base-7B-Instruct-v0.2 has all of them.
type modelID struct {
	Name, Organization, Basename, Finetune, Version, SizeLabel string
}

// partKind is a set of roles that a part of a name may have.
type partKind uint8

const (
	isBasename partKind = 1 << iota
	isSize
	isFinetune
	isVersion
	isType
)

var (
	versionPart  = regexp.MustCompile(`^(?i:(v|iter)?\d+([.]\d+)*)$`)
	typePart     = regexp.MustCompile(`^(?i:i?q\d(_\w)*|b?fp?(16|32))$`)
	sizePart     = regexp.MustCompile(`^(?i:(([A]|\d+[x])?\d+([._]\d+)?[KMBT][\d]?|small|mini|medium|large|x?xl))$`)
	finetunePart = regexp.MustCompile(`^(?i:chat|instruct|vision|lora)$`)
	plainVersion = regexp.MustCompile(`^(v\d+(\.\d+)*|\d.*)$`)
)

// splitID applies the converter's reading of model names (gguf-py's metadata heuristics): parts between hyphens are
// told apart by their form, the leading plain words are the base name, the remaining ones the fine-tune. parameters is
// the true size: a number far from it is not a size but, likely, a context length.
func splitID(id string, parameters int64) modelID {
	if strings.Contains(id, " ") {
		return modelID{Name: id} // a sentence
	}
	r := modelID{Name: id}
	if org, rest, ok := strings.Cut(id, "/"); ok {
		r.Name = rest
		if !strings.HasPrefix(org, ".") {
			r.Organization = org
		}
	}
	parts := slices.DeleteFunc(strings.Split(r.Name, "-"), func(s string) bool { return s == "" })
	kinds := make([]partKind, len(parts))
	for i, p := range parts {
		switch {
		case versionPart.MatchString(p):
			kinds[i] = isVersion
		case typePart.MatchString(p):
			kinds[i], parts[i] = isType, strings.ToUpper(p)
		case i > 0 && sizePart.MatchString(p):
			parts[i], kinds[i] = sizeOrContext(p, parameters)
		case i > 0 && finetunePart.MatchString(p):
			kinds[i] = isFinetune
		}
	}
	dropWordSizes(parts, kinds)
	markBasename(parts, kinds)
	join := func(has, not partKind) string {
		var s []string
		for i, p := range parts {
			if kinds[i]&has != 0 && kinds[i]&not == 0 && !(has == isSize && slices.Contains(s, p)) {
				s = append(s, p)
			}
		}
		return strings.Join(s, "-")
	}
	r.Basename, r.SizeLabel = join(isBasename, 0), join(isSize, 0)
	r.Finetune, r.Version = join(isFinetune, 0), join(isVersion, isBasename)
	if r.SizeLabel == "" && r.Finetune == "" && r.Version == "" {
		r.Basename = "" // too ambiguous
	}
	return r
}

// sizeOrContext normalizes a size: 7b1 is 7.1B, 1_5b is 1.5B. One that is off by more than seven eighths of the
// parameters counts as part of the fine-tune, in lower case.
func sizeOrContext(p string, parameters int64) (string, partKind) {
	p = strings.ReplaceAll(p, "_", ".")
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	n := len(p)
	if digit(p[n-1]) {
		p = p[:n-2] + "." + p[n-1:] + p[n-2:n-1]
		n = len(p)
	}
	if n > 1 && digit(p[n-2]) && strings.IndexByte("kmbt", p[n-1]) >= 0 {
		p = p[:n-1] + strings.ToUpper(p[n-1:])
	}
	value, err := strconv.ParseFloat(p[:n-1], 64)
	if parameters == 0 || err != nil {
		return p, isSize
	}
	size := value * math.Pow(1000, float64(strings.IndexByte(" KMBT", p[n-1])))
	if math.Abs(size-float64(parameters)) > float64(7*parameters/8) {
		return p[:n-1] + strings.ToLower(p[n-1:]), isFinetune
	}
	return p, isSize
}

// dropWordSizes drops a size in words beside one in digits: "large" is not a size beside "7B".
func dropWordSizes(parts []string, kinds []partKind) {
	number := false
	for i, p := range parts {
		number = number || kinds[i]&isSize != 0 && strings.ContainsFunc(p, unicode.IsDigit)
	}
	for i, p := range parts {
		if number && kinds[i]&isSize != 0 && !strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsLetter(r) }) {
			kinds[i] &^= isSize
		}
	}
}

// markBasename marks the base name: the leading run of plain words and versions, without versions at its end. Other
// plain words belong to the fine-tune.
func markBasename(parts []string, kinds []partKind) {
	start := true
	for i, p := range parts {
		if start && (kinds[i] == 0 && unicode.IsLetter([]rune(p)[0]) || kinds[i]&isVersion != 0) {
			kinds[i] |= isBasename
			continue
		}
		start = false
		if kinds[i] == 0 {
			kinds[i] = isFinetune
		}
	}
	for i := len(kinds) - 1; i >= 0; i-- {
		if kinds[i]&isBasename == 0 || kinds[i] == isBasename {
			break
		}
		kinds[i] &^= isBasename
	}
}

// title turns an id into a heading: hyphens become spaces, and words in lower case are capitalized, except versions.
func title(id string) string {
	words := strings.Fields(strings.ReplaceAll(strings.TrimSpace(id), "-", " "))
	for i, w := range words {
		if isLower(w) && !plainVersion.MatchString(w) {
			words[i] = capitalize(w)
		}
	}
	return strings.Join(words, " ")
}

// isLower reports whether s has letters, none of them in upper case.
func isLower(s string) bool {
	return strings.ContainsFunc(s, unicode.IsLower) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsTitle(r) })
}

// capitalize capitalizes every letter that does not follow a letter.
func capitalize(s string) string {
	previous := ' '
	return strings.Map(func(r rune) rune {
		old := previous
		previous = r
		if unicode.IsLetter(old) {
			return unicode.ToLower(r)
		}
		return unicode.ToTitle(r)
	}, s)
}

// sizeLabel writes a parameter count with at least two digits: 7B, 1.7M, 135M.
func sizeLabel(parameters int64) string {
	n, suffix, scaled := float64(parameters), "K", float64(parameters)*1e-3
	switch {
	case n > 1e12:
		suffix, scaled = "T", n*1e-12
	case n > 1e9:
		suffix, scaled = "B", n*1e-9
	case n > 1e6:
		suffix, scaled = "M", n*1e-6
	}
	whole := strings.TrimLeft(strconv.FormatFloat(math.RoundToEven(scaled), 'f', 0, 64), "0")
	return strconv.FormatFloat(scaled, 'f', max(2-len(whole), 0), 64) + suffix
}
