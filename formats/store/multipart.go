package store

import (
	"bytes"
	"cmp"
	"context"
	"net/url"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// multipart writes an object of S3: in one request where it fits into a part, else as a multipart upload, whose parts
// are consecutive ranges of the object and are sent several at once. The object appears with the last request, which
// says that it must not exist, unless it is to be replaced.
type multipart struct {
	client *s3.Client
	object
	ctx     context.Context
	replace bool
	meta    map[string]string
	sse     types.ServerSideEncryption
	kms     *string
	sums    types.ChecksumAlgorithm // of the parts; "" for none
	once    *string                 // If-None-Match

	size    int // of a part
	buffer  []byte
	free    chan []byte // buffers that are not on their way; it holds all
	upload  *string     // its id; nil before the first part
	sent    int32
	sending sync.WaitGroup

	mu    sync.Mutex
	parts []types.CompletedPart
	err   error
}

// newMultipart prepares an upload; nothing is sent yet.
func newMultipart(ctx context.Context, client *s3.Client, o object, opt Options, size int64, meta map[string]string) *multipart {
	q, _ := url.ParseQuery(o.options)
	m := &multipart{client: client, object: o, ctx: ctx, replace: opt.Replace, meta: meta, size: partSize(size),
		free: make(chan []byte, parallel+1), sse: types.ServerSideEncryption(q.Get("ssetype"))}
	if k := q.Get("kmskeyid"); k != "" {
		m.kms = &k
	}
	if client.Options().RequestChecksumCalculation == aws.RequestChecksumCalculationWhenSupported {
		m.sums = types.ChecksumAlgorithmCrc32
	}
	if !opt.Replace {
		m.once = aws.String("*")
	}
	for range parallel {
		m.free <- nil
	}
	return m
}

// Write fills parts and sends those that are full.
func (m *multipart) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		if len(m.buffer) == m.size {
			if err := m.send(); err != nil {
				return n, err
			}
		}
		k := min(len(b), m.size-len(m.buffer))
		m.buffer = append(m.buffer, b[:k]...)
		n, b = n+k, b[k:]
	}
	return n, m.failure()
}

func (m *multipart) failure() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return cmp.Or(m.err, m.ctx.Err())
}

// send sends the buffer as the next part, behind the others, and takes a free one.
func (m *multipart) send() error {
	if err := m.begin(); err != nil {
		return err
	}
	m.sent++
	part, number := m.buffer, m.sent
	m.sending.Go(func() {
		defer func() { m.free <- part[:0] }()
		if m.failure() != nil {
			return
		}
		out, err := m.client.UploadPart(m.ctx, &s3.UploadPartInput{Bucket: &m.bucket, Key: &m.key, UploadId: m.upload,
			PartNumber: &number, Body: bytes.NewReader(part), ChecksumAlgorithm: m.sums})
		m.mu.Lock()
		defer m.mu.Unlock()
		if err != nil {
			m.err = cmp.Or(m.err, err)
			return
		}
		m.parts = append(m.parts,
			types.CompletedPart{PartNumber: &number, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
	})
	select {
	case m.buffer = <-m.free:
	case <-m.ctx.Done():
	}
	return m.failure()
}

// begin begins the upload.
func (m *multipart) begin() error {
	if m.upload != nil {
		return nil
	}
	out, err := m.client.CreateMultipartUpload(m.ctx, &s3.CreateMultipartUploadInput{Bucket: &m.bucket, Key: &m.key,
		ContentType: aws.String(contentType), Metadata: m.meta, ChecksumAlgorithm: m.sums, ServerSideEncryption: m.sse,
		SSEKMSKeyId: m.kms})
	if err == nil {
		m.upload = out.UploadId
	}
	return err
}

// Close makes the object appear.
func (m *multipart) Close() error {
	if m.upload == nil {
		_, err := m.client.PutObject(m.ctx, &s3.PutObjectInput{Bucket: &m.bucket, Key: &m.key, Body: bytes.NewReader(m.buffer),
			ContentType: aws.String(contentType), Metadata: m.meta, IfNoneMatch: m.once, ServerSideEncryption: m.sse,
			SSEKMSKeyId: m.kms})
		return err
	}
	if len(m.buffer) > 0 {
		if err := m.send(); err != nil {
			return err
		}
	}
	m.sending.Wait()
	if err := m.failure(); err != nil {
		return err
	}
	slices.SortFunc(m.parts, func(a, b types.CompletedPart) int { return cmp.Compare(*a.PartNumber, *b.PartNumber) })
	_, err := m.client.CompleteMultipartUpload(m.ctx, &s3.CompleteMultipartUploadInput{Bucket: &m.bucket, Key: &m.key,
		UploadId: m.upload, IfNoneMatch: m.once, MultipartUpload: &types.CompletedMultipartUpload{Parts: m.parts}})
	return err
}

// abort removes the parts, also where the context has ended.
func (m *multipart) abort() {
	m.mu.Lock()
	m.err = cmp.Or(m.err, context.Canceled)
	m.mu.Unlock()
	m.sending.Wait() // a part that arrives behind the abort would stay
	if m.upload == nil {
		return
	}
	ctx, cancel := last()
	defer cancel()
	m.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &m.bucket, Key: &m.key, UploadId: m.upload})
}
