package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"

	"gocloud.dev/gcerrors"

	"bitmill/formats/file"
)

// ErrExists marks an object that is there already and was not to be replaced.
var ErrExists = errors.New("it exists already, and an object is created, not replaced: choose another name, or pass --force")

// failed says what could not be done to an object, and what to do about it. It wraps fs.ErrNotExist, fs.ErrPermission
// or ErrExists where that is the reason.
func (o object) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if ended := requests().Err(); ended != nil {
		return fmt.Errorf("%s: %w", Plain(o.name), ended)
	}
	place := Plain(o.name)
	if errors.Is(err, file.ErrChanged) {
		return fmt.Errorf("%s %w", place, file.ErrChanged)
	}
	text := reason(err)
	if strings.Contains(text, "credential") || strings.Contains(text, "IMDS") {
		return fmt.Errorf("%s %s: %w: there are no credentials; %s", what, place, fs.ErrPermission, credentials[o.scheme])
	}
	switch codeOf(err) {
	case gcerrors.NotFound:
		return fmt.Errorf("%s %s: %w: there is no such object, or no such bucket", what, place, fs.ErrNotExist)
	case gcerrors.FailedPrecondition:
		return fmt.Errorf("%s: %w", place, ErrExists)
	case gcerrors.PermissionDenied:
		return fmt.Errorf("%s %s: %w: %s; %s", what, place, fs.ErrPermission, text, credentials[o.scheme])
	}
	return fmt.Errorf("%s %s: %s", what, place, text)
}

// codeOf is the kind of an error.
func codeOf(err error) gcerrors.ErrorCode {
	code := gcerrors.Code(err)
	if code != gcerrors.Unknown {
		return code
	}
	for _, c := range []struct {
		words string
		code  gcerrors.ErrorCode
	}{{"InvalidAccessKeyId", gcerrors.PermissionDenied}, {"SignatureDoesNotMatch", gcerrors.PermissionDenied},
		{"ExpiredToken", gcerrors.PermissionDenied}, {"InvalidToken", gcerrors.PermissionDenied},
		{"StatusCode: 403", gcerrors.PermissionDenied}, {"StatusCode: 401", gcerrors.PermissionDenied},
		{"StatusCode: 416", gcerrors.InvalidArgument}, {"NoSuchUpload", gcerrors.NotFound}, {"PreconditionFailed", gcerrors.FailedPrecondition}} {
		if strings.Contains(err.Error(), c.words) {
			return c.code
		}
	}
	return code
}

// noise are parts of the messages of libraries that tell a user nothing.
var noise = regexp.MustCompile(`(blob|\(key "[^"]*"\)|operation error S3: \w+|https response error|RequestID: \S*|HostID: \S*|` +
	`\(code=\w+\)|api error)[:,]? ?`)

// reason is the message of a library on one line and without its noise.
func reason(err error) string {
	return strings.TrimSpace(strings.Join(strings.Fields(noise.ReplaceAllString(err.Error(), "")), " "))
}

// attempts is how often a request is made before its error counts, besides the attempts of the library underneath.
const attempts = 6

// backOff is the pause behind the first attempt; it doubles, with a random half, up to a hundredfold.
var backOff = 200 * time.Millisecond

// retry makes a request again while its error may pass.
func retry(ctx context.Context, request func() error) (err error) {
	pause := backOff
	for i := range attempts {
		if err = request(); err == nil || !passing(err) || i == attempts-1 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause/2 + rand.N(pause/2+1)):
		}
		pause = min(2*pause, 100*backOff)
	}
	return err
}

// passing reports whether the same request may succeed later.
func passing(err error) bool {
	switch codeOf(err) {
	case gcerrors.NotFound, gcerrors.PermissionDenied, gcerrors.FailedPrecondition, gcerrors.InvalidArgument,
		gcerrors.Canceled, gcerrors.AlreadyExists, gcerrors.Unimplemented:
		return false
	}
	text := err.Error()
	return !errors.Is(err, file.ErrChanged) && !strings.Contains(text, "credential") && !strings.Contains(text, "IMDS") &&
		!strings.Contains(text, "StatusCode: 30") && !strings.Contains(text, "no such host")
}
