package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"bitmill/formats/store"
	"bitmill/formats/store/storetest"
)

// TestServers writes to and reads from servers that variables name, by the URL of a folder that may be written to, and
// always from the test's own. For example:
//
//	BITMILL_S3='s3://bucket/test?endpoint=http://127.0.0.1:7070' go test ./formats/store -run Servers
//
// with the store's credentials in the environment. BITMILL_GS and BITMILL_AZBLOB need -tags clouds.
func TestServers(t *testing.T) {
	t.Run("own", func(t *testing.T) {
		_, url := storetest.Start(t)
		tryServer(t, url)
	})
	for _, name := range []string{"BITMILL_S3", "BITMILL_GS", "BITMILL_AZBLOB"} {
		t.Run(name, func(t *testing.T) {
			url := os.Getenv(name)
			if url == "" {
				t.Skip("not set")
			}
			store.Forget()
			tryServer(t, store.Join(url, fmt.Sprint(time.Now().UnixNano())))
		})
	}
}

func tryServer(t *testing.T, url string) {
	for _, n := range []int{0, 1000, 33<<20 + 7} {
		name, data := store.Join(url, fmt.Sprint(n)), pattern(n)
		if err := store.Write(name, data, store.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := store.Write(name, data, store.Options{}); !errors.Is(err, store.ErrExists) {
			t.Errorf("%s a second time: %v", name, err)
		}
		m, err := store.Map(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Load(); err != nil || !bytes.Equal(m.Data, data) {
			t.Errorf("%s differs: %v", name, err)
		}
		m.Close()
	}
	if list, err := store.ReadDir(url); err != nil || len(list) != 3 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := store.ReadFile(store.Join(url, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an object that is not there: %v", err)
	}
	w, err := store.Create(store.Join(url, "aborted"), 0, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(33 << 20)); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if left, err := store.Leftovers(store.Join(url, "aborted")); err != nil || len(left) != 0 {
		t.Errorf("uploads that are left: %v, %v", left, err)
	}
}
