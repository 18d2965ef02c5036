package store

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Leftover is an upload that was neither completed nor aborted: its process was killed. Its parts cost money.
type Leftover struct {
	Name  string // the URL of the object that it would have become
	Begun time.Time
	id    string
}

// Leftovers lists the unfinished uploads to S3 of objects whose URLs begin with prefix. Those that another process is
// making are among them. Azure and Google end theirs after a week; for them the list is empty.
func Leftovers(prefix string) (list []Leftover, err error) {
	o, err := open(prefix)
	if err != nil {
		return nil, err
	}
	var client *s3.Client
	if !o.blobs.As(&client) {
		return nil, nil
	}
	in := &s3.ListMultipartUploadsInput{Bucket: &o.bucket, Prefix: &o.key}
	for {
		var out *s3.ListMultipartUploadsOutput
		ctx := requests()
		err := retry(ctx, func() (err error) {
			out, err = client.ListMultipartUploads(ctx, in)
			return err
		})
		if err != nil {
			return nil, o.failed("list the uploads of", err)
		}
		for _, u := range out.Uploads {
			if u.Key == nil || u.UploadId == nil {
				continue
			}
			l := Leftover{Name: o.with(*u.Key), id: *u.UploadId}
			if u.Initiated != nil {
				l.Begun = *u.Initiated
			}
			list = append(list, l)
		}
		if out.IsTruncated == nil || !*out.IsTruncated || out.NextKeyMarker == nil {
			return list, nil
		}
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
}

// Abort ends the upload and removes its parts.
func (l Leftover) Abort() error {
	o, err := open(l.Name)
	if err != nil {
		return err
	}
	var client *s3.Client
	if !o.blobs.As(&client) {
		return fmt.Errorf("%s: not an upload to S3", Plain(l.Name))
	}
	ctx := requests()
	err = retry(ctx, func() error {
		_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &o.bucket, Key: &o.key,
			UploadId: &l.id})
		return err
	})
	return o.failed("abort the upload of", err)
}
