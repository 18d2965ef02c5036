package store

import (
	"cmp"
	"context"
	"net/url"
	"os"

	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

func init() { Register("s3", openS3) }

// openS3 opens an S3 bucket. Where the endpoint is not Amazon's (?endpoint=URL, AWS_ENDPOINT_URL_S3 or
// AWS_ENDPOINT_URL), the bucket stands in the path, and checksums are sent only where a request needs one: many other
// servers know neither the one nor the other.
func openS3(ctx context.Context, name string) (*blob.Bucket, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	if q.Has("endpoint") || cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL")) != "" {
		for _, d := range []struct{ key, value string }{{"use_path_style", "true"},
			{"request_checksum_calculation", "when_required"}, {"response_checksum_validation", "when_required"}} {
			if !q.Has(d.key) {
				q.Set(d.key, d.value)
			}
		}
		if !q.Has("region") && os.Getenv("AWS_REGION") == "" && os.Getenv("AWS_DEFAULT_REGION") == "" {
			q.Set("region", "us-east-1")
		}
	}
	u.RawQuery = q.Encode()
	return new(s3blob.URLOpener).OpenBucketURL(ctx, u)
}
