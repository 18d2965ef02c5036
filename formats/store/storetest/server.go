// Package storetest has a small S3 server for tests: buckets in memory, ranges, listings, multipart uploads and
// conditional writes, with counts of what was asked and with faults on demand.
package storetest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bitmill/formats/store"
)

// Server is an S3 server with one bucket.
type Server struct {
	mu      sync.Mutex
	objects map[string]object
	uploads map[string]*upload
	next    int

	Sent     atomic.Int64 // bytes of objects sent
	Requests atomic.Int64

	// Fault, if set, is asked before every request; a status other than 0 is the answer.
	Fault func(r *http.Request) (status int, code string)
}

type object struct {
	data     io.ReaderAt
	size     int64
	tag      string
	modified time.Time
	meta     http.Header
}

type upload struct {
	key   string
	parts map[int][]byte
	meta  http.Header
}

// Start runs a server for the test, points the environment to it, and returns it with the URL of its bucket.
func Start(t testing.TB) (*Server, string) {
	s := &Server{objects: map[string]object{}, uploads: map[string]*upload{}}
	h := httptest.NewServer(s)
	for k, v := range map[string]string{"AWS_ENDPOINT_URL": h.URL, "AWS_ACCESS_KEY_ID": "test", "AWS_REGION": "us-east-1",
		"AWS_SECRET_ACCESS_KEY": "secretsecret", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"} {
		t.Setenv(k, v)
	}
	store.Forget()
	t.Cleanup(func() {
		store.Forget()
		h.Close()
	})
	return s, "s3://bucket"
}

// Put makes an object.
func (s *Server) Put(key string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = newObject(data, nil)
}

// Object is the data of an object; nil for none.
func (s *Server) Object(key string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[key]
	if !ok {
		return nil
	}
	data := make([]byte, o.size)
	if _, err := o.data.ReadAt(data, 0); err != nil && err != io.EOF {
		panic(err)
	}
	return data
}

// PutFolder makes objects of the files in a folder, links followed; they are read from there.
func (s *Server) PutFolder(t testing.TB, prefix, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if st.IsDir() {
			s.PutFolder(t, prefix+"/"+e.Name(), path)
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		s.mu.Lock()
		s.objects[prefix+"/"+e.Name()] = object{f, st.Size(), fmt.Sprintf("%q", path), st.ModTime(), nil}
		s.mu.Unlock()
	}
}

// Keys lists the objects.
func (s *Server) Keys() (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.objects {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Uploads is the number of unfinished uploads.
func (s *Server) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

func newObject(data []byte, meta http.Header) object {
	sum := md5.Sum(data)
	return object{bytes.NewReader(data), int64(len(data)), `"` + hex.EncodeToString(sum[:]) + `"`, time.Now(), meta}
}

// ServeHTTP answers /bucket and /bucket/KEY.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Requests.Add(1)
	if s.Fault != nil {
		if status, code := s.Fault(r); status != 0 {
			fail(w, status, code)
			return
		}
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		return
	case bucket != "bucket":
		fail(w, 404, "NoSuchBucket")
	case key == "" && q.Has("uploads"):
		s.listUploads(w, q.Get("prefix"))
	case key == "":
		s.list(w, q.Get("prefix"), q.Get("delimiter"))
	case r.Method == "GET" || r.Method == "HEAD":
		s.get(w, r, key)
	case r.Method == "POST" && q.Has("uploads"):
		s.next++
		id := strconv.Itoa(s.next)
		s.uploads[id] = &upload{key, map[int][]byte{}, metaOf(r)}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>%s</Key><UploadId>%s</UploadId>"+
			"</InitiateMultipartUploadResult>", key, id)
	case r.Method == "PUT" && q.Has("uploadId"):
		u := s.uploads[q.Get("uploadId")]
		n, err := strconv.Atoi(q.Get("partNumber"))
		if u == nil || err != nil {
			fail(w, 404, "NoSuchUpload")
			return
		}
		u.parts[n] = body
		w.Header().Set("ETag", newObject(body, nil).tag)
	case r.Method == "POST":
		s.complete(w, r, key, q.Get("uploadId"))
	case r.Method == "DELETE" && q.Has("uploadId"):
		delete(s.uploads, q.Get("uploadId"))
		w.WriteHeader(204)
	case r.Method == "DELETE":
		delete(s.objects, key)
		w.WriteHeader(204)
	case r.Method == "PUT":
		if _, ok := s.objects[key]; ok && r.Header.Get("If-None-Match") == "*" {
			fail(w, 412, "PreconditionFailed")
			return
		}
		o := newObject(body, metaOf(r))
		s.objects[key] = o
		w.Header().Set("ETag", o.tag)
	default:
		fail(w, 405, "MethodNotAllowed")
	}
}

func metaOf(r *http.Request) http.Header {
	meta := http.Header{}
	for k, v := range r.Header {
		if strings.HasPrefix(strings.ToLower(k), "x-amz-meta-") {
			meta[k] = v
		}
	}
	return meta
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s as a test wants it</Message></Error>", code, code)
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, key string) {
	o, ok := s.objects[key]
	if !ok {
		fail(w, 404, "NoSuchKey")
		return
	}
	for k, v := range o.meta {
		w.Header()[k] = v
	}
	w.Header().Set("ETag", o.tag)
	w.Header().Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	from, to, status := int64(0), o.size, 200
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to); err == nil {
		if from >= o.size {
			fail(w, 416, "InvalidRange")
			return
		}
		to, status = min(to+1, o.size), 206
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, o.size))
	}
	w.Header().Set("Content-Length", strconv.FormatInt(to-from, 10))
	w.WriteHeader(status)
	if r.Method == "GET" {
		n, _ := io.Copy(w, io.NewSectionReader(o.data, from, to-from))
		s.Sent.Add(n)
	}
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request, key, id string) {
	u := s.uploads[id]
	if u == nil {
		fail(w, 404, "NoSuchUpload")
		return
	}
	if _, ok := s.objects[key]; ok && r.Header.Get("If-None-Match") == "*" {
		fail(w, 412, "PreconditionFailed")
		return
	}
	var data []byte
	for n := 1; n <= len(u.parts); n++ {
		data = append(data, u.parts[n]...)
	}
	delete(s.uploads, id)
	s.objects[key] = newObject(data, u.meta)
	fmt.Fprintf(w, "<CompleteMultipartUploadResult><Bucket>bucket</Bucket><Key>%s</Key></CompleteMultipartUploadResult>",
		key)
}

type listed struct {
	XMLName        xml.Name `xml:"ListBucketResult"`
	Name, Prefix   string
	KeyCount       int
	IsTruncated    bool
	Contents       []content
	CommonPrefixes []struct{ Prefix string }
}

type content struct {
	Key, ETag, LastModified string
	Size                    int64
}

func (s *Server) list(w http.ResponseWriter, prefix, delimiter string) {
	out, folders := listed{Name: "bucket", Prefix: prefix}, map[string]bool{}
	for key, o := range s.objects {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if i := strings.Index(rest, "/"); i >= 0 && delimiter == "/" {
			folders[prefix+rest[:i+1]] = true
			continue
		}
		out.Contents = append(out.Contents, content{key, o.tag, o.modified.UTC().Format(time.RFC3339), o.size})
	}
	slices.SortFunc(out.Contents, func(a, b content) int { return strings.Compare(a.Key, b.Key) })
	for f := range folders {
		out.CommonPrefixes = append(out.CommonPrefixes, struct{ Prefix string }{f})
	}
	out.KeyCount = len(out.Contents) + len(folders)
	xml.NewEncoder(w).Encode(out)
}

func (s *Server) listUploads(w http.ResponseWriter, prefix string) {
	fmt.Fprint(w, "<ListMultipartUploadsResult><Bucket>bucket</Bucket><IsTruncated>false</IsTruncated>")
	for id, u := range s.uploads {
		if strings.HasPrefix(u.key, prefix) {
			fmt.Fprintf(w, "<Upload><Key>%s</Key><UploadId>%s</UploadId><Initiated>%s</Initiated></Upload>", u.key, id,
				time.Now().UTC().Format(time.RFC3339))
		}
	}
	fmt.Fprint(w, "</ListMultipartUploadsResult>")
}

// Nowhere is a writer of answers that get lost.
func Nowhere() http.ResponseWriter { return httptest.NewRecorder() }
