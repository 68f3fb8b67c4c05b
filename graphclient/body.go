package graphclient

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// An answer that grew to freeRatio bytes must not have been compressed
	// better than maxRatio to one. Lists of policies reach 20 to one.
	freeRatio = 4 << 20
	maxRatio  = 200

	// maxErrorBody is how much of an error's body is read to classify it.
	maxErrorBody = 64 << 10

	// idleBytes must arrive within each idle timeout, so that a byte a minute
	// does not count as progress.
	idleBytes = 4 << 10

	// keepScratch is the largest read buffer that is kept for the next answer.
	keepScratch = 4 << 20
)

// errStalled ends an attempt that makes no progress.
var errStalled = errors.New("graphclient: no progress")

// A watchdog cancels an attempt that makes no progress.
type watchdog struct {
	timer *time.Timer
	idle  time.Duration
	since int // bytes since the timer was set
}

// watch returns a context that ends with cause errStalled unless the watchdog
// is fed, and a stop function that must be called.
func watch(ctx context.Context, idle time.Duration) (context.Context, *watchdog, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(idle, func() { cancel(errStalled) })
	return ctx, &watchdog{timer: timer, idle: idle}, func() {
		timer.Stop()
		cancel(nil)
	}
}

// progress tells the watchdog of n bytes, or of the head of an answer with
// idleBytes.
func (w *watchdog) progress(n int) {
	if w.since += n; w.since >= idleBytes {
		w.since = 0
		w.timer.Reset(w.idle)
	}
}

// A bodyReader reads the bodies of answers within limits.
type bodyReader struct {
	max     int
	unzip   sync.Pool // of *gzip.Reader
	scratch sync.Pool // of *[]byte
}

// read returns the whole body of a good answer, decompressed, in memory of
// its own.
func (r *bodyReader) read(resp *http.Response, w *watchdog) ([]byte, error) {
	if resp.ContentLength > int64(r.max) {
		return nil, tooLarge("body_bytes")
	}
	in := &counted{r: resp.Body, w: w}
	src, done, err := r.decode(resp, in)
	if err != nil {
		return nil, err
	}
	defer done()

	buf, _ := r.scratch.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	b := (*buf)[:0]
	defer func() {
		if cap(b) <= keepScratch {
			*buf = b
			r.scratch.Put(buf)
		}
	}()
	if n := resp.ContentLength + 1; int64(cap(b)) < n {
		b = make([]byte, 0, n)
	}
	for {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, max(16<<10, 2*cap(b))), b...)
		}
		n, err := src.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > r.max:
			return nil, tooLarge("body_bytes")
		case len(b) > freeRatio && int64(len(b)) > maxRatio*in.n:
			return nil, tooLarge("compression_ratio")
		case errors.Is(err, io.EOF):
			return append([]byte(nil), b...), nil
		case err != nil:
			return nil, err
		}
	}
}

// decode returns the reader for the body's encoding.
func (r *bodyReader) decode(resp *http.Response, in io.Reader) (io.Reader, func(), error) {
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
		return in, func() {}, nil
	case "gzip":
	default:
		return nil, nil, bad("content_encoding")
	}
	z, _ := r.unzip.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	if err := z.Reset(in); err != nil {
		r.unzip.Put(z)
		return nil, nil, err
	}
	return z, func() { r.unzip.Put(z) }, nil
}

// readSome returns what can be had of an error's body; errors do not matter.
func (r *bodyReader) readSome(resp *http.Response, w *watchdog) []byte {
	src, done, err := r.decode(resp, &counted{r: resp.Body, w: w})
	if err != nil {
		return nil
	}
	defer done()
	b, _ := io.ReadAll(io.LimitReader(src, maxErrorBody))
	return b
}

// counted feeds a watchdog with what it reads.
type counted struct {
	r io.Reader
	w *watchdog
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.w.progress(n)
	return n, err
}

// jsonType reports whether a Content-Type is JSON.
func jsonType(v string) bool {
	t, _, err := mime.ParseMediaType(v)
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && t == "application/json"
}
