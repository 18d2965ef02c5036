package store_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bitmill/formats/file"
	"bitmill/formats/store"
	"bitmill/formats/store/storetest"
)

func pattern(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(b)
	return b
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{store.Join("s3://b/dir?region=x", "config.json"), "s3://b/dir/config.json?region=x"},
		{store.Join("s3://b", "a", "..", "c"), "s3://b/c"},
		{store.Join("dir", "x"), filepath.Join("dir", "x")},
		{store.Dir("s3://b/dir/x.gguf?region=x"), "s3://b/dir?region=x"},
		{store.Base("s3://b/dir/x.gguf?region=a.b"), "x.gguf"},
		{store.Base("s3://b/dir/"), "dir"},
		{store.Ext("s3://b/x.gguf?region=a.json"), ".gguf"},
		{store.Clean("s3://b/dir//x/"), "s3://b/dir/x"},
		{store.Plain("s3://b/x?endpoint=http://h:1"), "s3://b/x"},
	} {
		if c.got != c.want {
			t.Errorf("%q, not %q", c.got, c.want)
		}
	}
	for name, is := range map[string]bool{"s3://b/x": true, "mailto:x": false, "C://x": false, "a/b": false, "file:///x": true,
		"://x": false} {
		if store.IsURL(name) != is {
			t.Errorf("IsURL(%q) is not %v", name, is)
		}
	}
}

func TestLocal(t *testing.T) {
	for name, want := range map[string]string{"file:///a/b": filepath.FromSlash("/a/b"), "a/b": "a/b", "s3://b/x": "s3://b/x",
		"file://localhost/a": filepath.FromSlash("/a")} {
		if got, err := store.Local(name); err != nil || got != want {
			t.Errorf("Local(%q): %q, %v", name, got, err)
		}
	}
	for name, say := range map[string]string{"http://x/y": "s3://", "file://a/b": "whole path",
		"s3://key:secret@bucket/x": "s3://bucket/x: a URL holds no credentials", "s3:///x": "no bucket",
		"s3://key:secret/secret@bucket/x": "s3://bucket/x: ", "s3://key:secret/x": "no credentials",
		"s3://host:9000/bucket/x": "?endpoint=", "http://key:secret@x/y?secret": "http://x/y: ",
		"abc://key:secret/secret@x/y": "abc://x/y: "} {
		_, err := store.Local(name)
		if err == nil || !strings.Contains(err.Error(), say) || strings.Contains(err.Error(), "secret") {
			t.Errorf("Local(%q): %v", name, err)
		}
	}
}

func TestFolder(t *testing.T) {
	s, url := storetest.Start(t)
	s.Put("m/config.json", []byte("{}"))
	s.Put("m/a.safetensors", make([]byte, 7))
	s.Put("m/sub/x", nil)
	list, err := store.ReadDir(url + "/m/")
	if err != nil || len(list) != 3 || list[0].Name != "a.safetensors" || list[0].Size != 7 || !list[2].Folder {
		t.Errorf("%v, %v", list, err)
	}
	if st, err := store.Stat(url + "/m"); err != nil || !st.Folder {
		t.Errorf("%v, %v", st, err)
	}
	if st, err := store.Stat(url + "/m/a.safetensors"); err != nil || st.Folder || st.Size != 7 {
		t.Errorf("%v, %v", st, err)
	}
	if data, err := fs.ReadFile(store.FS(url+"/m"), "config.json"); err != nil || string(data) != "{}" {
		t.Errorf("%q, %v", data, err)
	}
	for _, err := range []error{
		second(store.ReadFile(url + "/m/none")), second(store.ReadDir(url + "/n")), second(store.Stat(url + "/n")),
		second(store.ReadFile("s3://other/x")), second(store.Map(url + "/m/none")),
		second(fs.ReadFile(store.FS(url+"/m"), "none")),
	} {
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "s3://") {
			t.Errorf("%v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestHold(t *testing.T) {
	s, url := storetest.Start(t)
	data := pattern(3<<20 + 12345)
	s.Put("x", data)
	m, err := store.Map(url + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if sent := s.Sent.Load(); len(m.Data) != len(data) || sent > 64<<10 {
		t.Fatalf("%d of %d bytes, %d sent", len(m.Data), len(data), sent)
	}
	if !store.Remote(m.Data[5:6]) || store.Remote(data) || store.Remote(nil) {
		t.Error("Remote")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		from := r.IntN(len(data))
		to := min(len(data), from+r.IntN(200_000))
		release, err := store.Hold(data[:1], m.Data[from:to])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Data[from:to], data[from:to]) {
			t.Fatalf("bytes %d to %d differ", from, to)
		}
		release()
	}
	if err := m.Load(); err != nil || !bytes.Equal(m.Data, data) {
		t.Errorf("all: %v", err)
	}
}

// Several goroutines read more than there is room for: what one of them holds stays, and the rest is forgotten.
func TestRoomIsBounded(t *testing.T) {
	s, url := storetest.Start(t)
	defer func(n int64) { store.Room = n }(store.Room)
	store.Room = 1 << 20
	data := pattern(24 << 20)
	s.Put("x", data)
	m, err := store.Map(url + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var next atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			const chunk = 300_001
			for {
				from := int(next.Add(chunk) - chunk)
				if from >= len(data) {
					return
				}
				part := m.Data[from:min(len(data), from+chunk)]
				release, err := store.Hold(part)
				if err != nil || !bytes.Equal(part, data[from:][:len(part)]) {
					t.Errorf("from %d: %v", from, err)
				}
				if n := store.Held(); n > 4<<20 {
					t.Errorf("%d bytes are in memory", n)
				}
				release()
			}
		})
	}
	group.Wait()
	if n := store.Held(); n > store.Room {
		t.Errorf("%d bytes stay in memory", n)
	}
}

func TestEmptyObject(t *testing.T) {
	s, url := storetest.Start(t)
	s.Put("x", nil)
	m, err := store.Map(url + "/x")
	if err != nil || len(m.Data) != 0 {
		t.Fatalf("%v", err)
	}
	if err := errors.Join(m.Load(), m.Close()); err != nil {
		t.Error(err)
	}
}

func TestFaultsPass(t *testing.T) {
	s, url := storetest.Start(t)
	store.Hurry(t)
	data := pattern(1 << 20)
	s.Put("x", data)
	var n atomic.Int64
	s.Fault = func(*http.Request) (int, string) {
		if n.Add(1)%2 == 1 {
			return 503, "SlowDown"
		}
		return 0, ""
	}
	if got, err := store.ReadFile(url + "/x"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v", err)
	}
}

func TestFaultsAreNamed(t *testing.T) {
	s, url := storetest.Start(t)
	store.Hurry(t)
	s.Put("x", []byte("x"))
	s.Fault = func(*http.Request) (int, string) { return 403, "AccessDenied" }
	for _, err := range []error{second(store.ReadFile(url + "/x")), second(store.Map(url + "/x")),
		second(store.Stat(url + "/x")), store.Write(url+"/y", nil, store.Options{})} {
		if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") ||
			!strings.Contains(err.Error(), "s3://bucket/") || strings.Contains(err.Error(), "secretsecret") {
			t.Errorf("%v", err)
		}
	}
}

func TestObjectThatChanges(t *testing.T) {
	s, url := storetest.Start(t)
	s.Put("x", pattern(1<<20))
	m, err := store.Map(url + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s.Put("x", pattern(1<<20+1))
	if err := m.Load(); !errors.Is(err, file.ErrChanged) {
		t.Errorf("%v", err)
	}
}

func TestWrite(t *testing.T) {
	s, url := storetest.Start(t)
	for _, n := range []int{0, 1, 5 << 20, 33<<20 + 1} {
		data := pattern(n)
		if err := store.Write(url+"/x", data, store.Options{Replace: true}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(s.Object("x"), data) {
			t.Errorf("%d bytes differ", n)
		}
		if err := store.Write(url+"/x", []byte("other"), store.Options{}); !errors.Is(err, store.ErrExists) {
			t.Errorf("second write: %v", err)
		}
	}
	if s.Uploads() != 0 {
		t.Errorf("%d uploads are left", s.Uploads())
	}
}

// One of several writers wins, whether its object is small or in parts.
func TestRace(t *testing.T) {
	s, url := storetest.Start(t)
	for _, n := range []int{1000, 20 << 20} {
		key := url + "/race" + string(rune('a'+n%7))
		var won atomic.Int64
		var group sync.WaitGroup
		for i := range 3 {
			group.Go(func() {
				switch err := store.Write(key, bytes.Repeat([]byte{byte(i)}, n), store.Options{}); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, store.ErrExists):
					t.Error(err)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 {
			t.Errorf("%d writers of %d bytes have won", won.Load(), n)
		}
		data := s.Object(strings.TrimPrefix(key, url+"/"))
		if len(data) != n || bytes.Count(data, data[:1]) != n {
			t.Error("the object is a mixture")
		}
	}
}

func TestUnfinishedObjectsAreNotSeen(t *testing.T) {
	s, url := storetest.Start(t)
	w, err := store.Create(url+"/x", 0, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(33 << 20)); err != nil {
		t.Fatal(err)
	}
	if len(s.Keys()) != 0 {
		t.Errorf("%q", s.Keys())
	}
	list, err := store.Leftovers(url + "/x")
	if err != nil || len(list) != 1 || list[0].Name != url+"/x" {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := store.Leftovers(url + "/y"); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	w.Abort()
	if s.Uploads() != 0 || len(s.Keys()) != 0 {
		t.Errorf("%d uploads, objects %q", s.Uploads(), s.Keys())
	}
}

func TestCancelledUploadIsAborted(t *testing.T) {
	s, url := storetest.Start(t)
	ctx, cancel := context.WithCancel(context.Background())
	store.SetContext(ctx)
	defer store.SetContext(context.Background())
	w, err := store.Create(url+"/x", 0, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(20 << 20)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := store.CommitAll([]store.Writer{w}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	w.Abort()
	for i := 0; s.Uploads() > 0 && i < 100; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	if s.Uploads() != 0 || len(s.Keys()) != 0 {
		t.Errorf("%d uploads, objects %q", s.Uploads(), s.Keys())
	}
}

// Ctrl-C between two objects of a set leaves none of them; behind the last request of an object it is there.
func TestInterruptedCommit(t *testing.T) {
	s, url := storetest.Start(t)
	defer store.SetContext(context.Background())
	for method, keys := range map[string]int{"PUT": 0, "HEAD": 2} {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		store.SetContext(ctx)
		var list []store.Writer
		for _, name := range []string{"/a" + method, "/b" + method} {
			w, err := store.Create(url+name, 0, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, w)
		}
		s.Fault = func(r *http.Request) (int, string) {
			if r.Method == method && strings.HasSuffix(r.URL.Path, "/a"+method) {
				cancel()
			}
			return 0, ""
		}
		if method == "PUT" { // nothing arrives
			s.Fault = func(r *http.Request) (int, string) {
				if r.Method == method && strings.HasSuffix(r.URL.Path, "/a"+method) {
					cancel()
					return 500, "InternalError"
				}
				return 0, ""
			}
		}
		err := store.CommitAll(list)
		if (keys > 0) != (err == nil) || len(s.Keys()) != keys || err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted at a %s: %v, objects %q", method, err, s.Keys())
		}
	}
}

func TestLeftoversAreAborted(t *testing.T) {
	s, url := storetest.Start(t)
	w, err := store.Create(url+"/x", 0, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	w.Write(pattern(33 << 20))
	list, err := store.Leftovers(url)
	if err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	if err := list[0].Abort(); err != nil || s.Uploads() != 0 {
		t.Errorf("%d uploads, %v", s.Uploads(), err)
	}
}

// The answer to the request that made the object is lost, and the next one is refused because of the object.
func TestLostAnswer(t *testing.T) {
	s, url := storetest.Start(t)
	lost := false
	s.Fault = func(r *http.Request) (int, string) {
		if r.Method == "PUT" && len(s.Keys()) == 0 && !lost {
			lost = true
			f := s.Fault
			s.Fault = nil
			s.ServeHTTP(storetest.Nowhere(), r)
			s.Fault = f
			return 500, "InternalError"
		}
		return 0, ""
	}
	if err := store.Write(url+"/x", []byte("data"), store.Options{}); err != nil {
		t.Error(err)
	}
	if !lost || string(s.Object("x")) != "data" {
		t.Errorf("lost %v, %q", lost, s.Object("x"))
	}
}

func TestCheckTarget(t *testing.T) {
	s, url := storetest.Start(t)
	s.Put("x", []byte("x"))
	if err := store.CheckTarget(url+"/y", store.Options{}, url+"/x"); err != nil {
		t.Error(err)
	}
	if err := store.CheckTarget(url+"/x", store.Options{}); !errors.Is(err, store.ErrExists) {
		t.Errorf("%v", err)
	}
	if err := store.CheckTarget(url+"/x", store.Options{Replace: true}, url+"/x"); err == nil {
		t.Error("the source may be overwritten")
	}
	if err := store.CheckTarget("s3://other/x", store.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := store.Write(path, []byte("data"), store.Options{}); err != nil {
		t.Fatal(err)
	}
	m, err := store.Map(path)
	if err != nil || string(m.Data) != "data" || store.Remote(m.Data) {
		t.Fatalf("%v", err)
	}
	if err := errors.Join(m.Load(), m.Close()); err != nil {
		t.Error(err)
	}
	if list, err := store.ReadDir(dir); err != nil || len(list) != 1 || list[0].Size != 4 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := store.Stat(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
