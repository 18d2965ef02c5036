package filetest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"bitmill/formats/file/internal/disk"
)

// StrikeEnv tells a process that calls Strike what to do to itself.
const StrikeEnv = "BITMILL_TEST_STRIKE"

// Blows are the faults that Strike knows:
//
//	kill      the process ends before the operation, as by kill -9
//	torn      of a write half the bytes are written, then the process ends
//	full      from here on there is no space (ENOSPC); of the first write half the bytes are written
//	broken    the operation fails once (EIO)
//	short     a write writes half the bytes and reports no error
//	denied    renames fail from here on (EACCES)
var Blows = []string{"kill", "torn", "full", "broken", "short", "denied"}

// Strike does what StrikeEnv says: "BLOW N" strikes the Nth operation of this process, from 0; "count FILE" adds a byte
// to the file for every operation. It is for processes that a test has started.
func Strike() error {
	text := os.Getenv(StrikeEnv)
	if text == "" {
		return nil
	}
	blow, arg, _ := strings.Cut(text, " ")
	if blow == "count" {
		f, err := os.OpenFile(arg, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		disk.Fault = func(_ disk.Op, _ string, size int) (int, error) {
			f.WriteString(".")
			return size, nil
		}
		return err
	}
	at, err := strconv.Atoi(arg)
	if err != nil {
		return fmt.Errorf("%s=%s: %w", StrikeEnv, text, err)
	}
	s := &striker{blow: blow, at: at}
	disk.Fault = s.operation
	return nil
}

type striker struct {
	sync.Mutex
	blow     string
	at, seen int
}

func (s *striker) operation(op disk.Op, _ string, size int) (int, error) {
	s.Lock()
	defer s.Unlock()
	n := s.seen
	s.seen++
	if n == s.at && (s.blow == "kill" || s.blow == "torn" && op != disk.Write) {
		end{}.Afterwards()
	}
	now, later := n == s.at, n > s.at
	switch {
	case s.blow == "torn" && now:
		return size / 2, end{}
	case s.blow == "full" && now && op == disk.Write:
		return size / 2, syscall.ENOSPC
	case s.blow == "full" && (now || later) && (op == disk.Write || op == disk.Open):
		return 0, syscall.ENOSPC
	case s.blow == "broken" && now:
		return 0, syscall.EIO
	case s.blow == "short" && now && op == disk.Write:
		return size / 2, nil
	case s.blow == "denied" && (now || later) && op == disk.Rename:
		return 0, syscall.EACCES
	}
	return size, nil
}

// end is an error that nobody gets to see: the process ends behind the operation.
type end struct{}

func (end) Error() string { return "the process ends here" }

// Afterwards ends the process as kill -9 does.
func (end) Afterwards() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		p.Kill()
	}
	select {} // until it arrives
}
