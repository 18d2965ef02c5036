package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob"
)

// Opener opens the bucket of a URL SCHEME://BUCKET?OPTIONS.
type Opener func(ctx context.Context, url string) (*blob.Bucket, error)

// openers by scheme: those of this build.
var openers = map[string]Opener{}

// credentials says by scheme where the store's own tools, and so bitmill, look for credentials.
var credentials = map[string]string{
	"s3": "credentials are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from ~/.aws (AWS_PROFILE chooses), or " +
		"from the machine's role; a public bucket takes ?anonymous=true",
	"gs": "credentials are read from the file that GOOGLE_APPLICATION_CREDENTIALS names, from gcloud auth " +
		"application-default login, or from the machine's account; a public bucket takes ?anonymous=true",
	"azblob": "credentials are read from AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, from " +
		"AZURE_CLIENT_ID and its companions, or from az login",
}

// Register makes a scheme known. It is for the files of this package and for tests.
func Register(scheme string, open Opener) { openers[scheme] = open }

// Schemes lists the schemes that this build can open, besides file.
func Schemes() []string { return slices.Sorted(maps.Keys(openers)) }

func unknownScheme(name, scheme string) error {
	if _, known := credentials[scheme]; known {
		return fmt.Errorf("%s: this bitmill was built without %s://; build it with go build -tags clouds", Plain(name), scheme)
	}
	return fmt.Errorf("%s: %s:// cannot be opened; paths can, and %s://", Plain(name), scheme,
		strings.Join(append([]string{"file"}, Schemes()...), "://, "))
}

// process is the context of all requests: see SetContext.
var process = struct {
	sync.Mutex
	ctx     context.Context
	buckets map[string]*blob.Bucket
}{ctx: context.Background(), buckets: map[string]*blob.Bucket{}}

// SetContext makes all requests of the process end with ctx: reading, which goes on inside of functions without a
// context as reading of a mapped file does, and uploads, which are then aborted.
func SetContext(ctx context.Context) {
	process.Lock()
	defer process.Unlock()
	process.ctx = ctx
}

func requests() context.Context {
	process.Lock()
	defer process.Unlock()
	return process.ctx
}

// last is the context of requests that leave a bucket in order: they are made after the end of requests() too, but not
// for long.
func last() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(requests()), 30*time.Second)
}

// object is a place in an open bucket.
type object struct {
	location
	name  string // the URL, for errors
	blobs *blob.Bucket
}

// open opens the bucket of a URL, once in a process.
func open(name string) (object, error) {
	l, err := parse(name)
	if err != nil {
		return object{}, err
	}
	process.Lock()
	defer process.Unlock()
	b := process.buckets[l.root()]
	if b == nil {
		if b, err = openers[l.scheme](process.ctx, l.root()); err != nil {
			return object{}, fmt.Errorf("%s cannot be opened: %w; %s", Plain(name), err, credentials[l.scheme])
		}
		process.buckets[l.root()] = b
	}
	return object{l, name, b}, nil
}

// Forget closes the buckets that are open: tests change their servers.
func Forget() {
	process.Lock()
	defer process.Unlock()
	for _, b := range process.buckets {
		b.Close()
	}
	clear(process.buckets)
}
