package store

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// IsURL reports whether a name is a URL, SCHEME://..., and not a path. file://PATH is one too until Local has made a
// path of it.
func IsURL(name string) bool {
	scheme, _, ok := strings.Cut(name, "://")
	return ok && isScheme(scheme)
}

// isScheme reports whether s could be a scheme. A single letter is a Windows drive.
func isScheme(s string) bool {
	if len(s) < 2 {
		return false
	}
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", c)) {
			return false
		}
	}
	return true
}

// Local makes the path of a file:// URL. Other URLs, which must be of a store that can be read, and paths stay as they
// are.
func Local(name string) (string, error) {
	if !IsURL(name) {
		return name, nil
	}
	if rest, ok := strings.CutPrefix(name, "file://"); ok {
		rest = strings.TrimPrefix(rest, "localhost")
		if !strings.HasPrefix(rest, "/") {
			return "", fmt.Errorf("%s: a file URL names a whole path: file:///FOLDER/FILE", name)
		}
		return filepath.FromSlash(rest), nil
	}
	_, err := parse(name)
	return name, err
}

// location is a parsed URL, SCHEME://BUCKET/KEY?OPTIONS. The key is taken literally, without escapes.
type location struct{ scheme, bucket, key, options string }

func parse(name string) (l location, err error) {
	var rest string
	l.scheme, rest, _ = strings.Cut(name, "://")
	rest, l.options, _ = strings.Cut(rest, "?")
	l.bucket, l.key, _ = strings.Cut(rest, "/")
	switch {
	case openers[l.scheme] == nil:
		return l, unknownScheme(bare(name), l.scheme)
	case strings.ContainsAny(l.bucket, "@:"):
		return l, fmt.Errorf("%s: a URL holds no credentials and no server: leave out what stands before the name of the "+
			"bucket, and name a server by ?endpoint=https://HOST; %s", bare(name), credentials[l.scheme])
	case l.bucket == "":
		return l, fmt.Errorf("%s names no bucket: %s://BUCKET/NAME", bare(name), l.scheme)
	}
	return l, nil
}

// bare is a URL without options and without what may be credentials. A secret key may hold slashes.
func bare(name string) string {
	scheme, rest, _ := strings.Cut(Plain(name), "://")
	host, _, _ := strings.Cut(rest, "/")
	switch at := strings.LastIndex(host, "@"); {
	case at >= 0:
		rest = rest[at+1:]
	case strings.Contains(host, ":") && strings.Contains(rest, "@"):
		rest = rest[strings.LastIndex(rest, "@")+1:]
	case strings.Contains(host, ":"):
		rest = "..."
	}
	return scheme + "://" + rest
}

// root is the URL of the bucket.
func (l location) root() string {
	if l.options == "" {
		return l.scheme + "://" + l.bucket
	}
	return l.scheme + "://" + l.bucket + "?" + l.options
}

// with is the URL of another key.
func (l location) with(key string) string {
	name := l.scheme + "://" + l.bucket + "/" + key
	if l.options != "" {
		name += "?" + l.options
	}
	return name
}

// folder is the prefix of the keys in the folder of this name.
func (l location) folder() string {
	if k := strings.Trim(l.key, "/"); k != "" {
		return k + "/"
	}
	return ""
}

// Join is filepath.Join for paths and URLs; the options of a URL stay at its end.
func Join(name string, more ...string) string {
	if !IsURL(name) {
		return filepath.Join(append([]string{name}, more...)...)
	}
	l := split(name)
	for i, m := range more {
		more[i] = filepath.ToSlash(m)
	}
	return l.with(strings.TrimPrefix(path.Join(append([]string{"/" + l.key}, more...)...), "/"))
}

// Dir is filepath.Dir for paths and URLs.
func Dir(name string) string {
	if !IsURL(name) {
		return filepath.Dir(name)
	}
	l := split(name)
	return l.with(strings.TrimPrefix(path.Dir("/"+l.key), "/"))
}

// Plain is a URL without its options, as short messages and records name it. A path stays.
func Plain(name string) string {
	if IsURL(name) {
		name, _, _ = strings.Cut(name, "?")
	}
	return name
}

// Query is the options of a URL with the question mark; "" for a path.
func Query(name string) string { return strings.TrimPrefix(name, Plain(name)) }

// Base is filepath.Base for paths and URLs.
func Base(name string) string { return filepath.Base(Plain(name)) }

// Ext is filepath.Ext for paths and URLs.
func Ext(name string) string { return filepath.Ext(Base(name)) }

// Clean is filepath.Clean for paths and URLs.
func Clean(name string) string {
	if IsURL(name) {
		return Join(name)
	}
	return filepath.Clean(name)
}

// split parses a URL whose faults are reported when it is opened.
func split(name string) location {
	l, _ := parse(name)
	return l
}
