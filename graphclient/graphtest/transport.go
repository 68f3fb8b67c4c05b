package graphtest

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"sync"
)

// ErrReset is reported by [Server.Transport] for a connection that ended
// without an answer.
var ErrReset = errors.New("connection reset by the graph server")

// Client returns an HTTP client on [Server.Transport].
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.Transport()} }

// Transport returns a RoundTripper that hands requests to the server without
// a network, whatever host they are for. Cut bodies end with
// io.ErrUnexpectedEOF. It starts nothing that a testing/synctest bubble could
// not wait for. It does not ask for compression by itself.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// RoundTrip serves req in a goroutine that ends with the handler.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if req.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{}
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	body, pipe := io.Pipe()
	w := &pipeWriter{header: make(http.Header), body: pipe, ready: make(chan struct{})}
	go w.serve(t.s, in)
	select {
	case <-w.ready:
	case <-req.Context().Done():
		_ = body.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
	if w.status == 0 {
		return nil, ErrReset
	}
	stop := make(chan struct{})
	go func() { // a body must not outlive its request
		select {
		case <-req.Context().Done():
			_ = body.CloseWithError(req.Context().Err())
		case <-stop:
		}
	}()
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: &pipeBody{PipeReader: body, stop: stop}, ContentLength: -1, Request: req,
	}, nil
}

// A pipeBody tells the watcher of its request when nobody needs it any more.
type pipeBody struct {
	*io.PipeReader
	once sync.Once
	stop chan struct{}
}

func (b *pipeBody) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if err != nil {
		b.once.Do(func() { close(b.stop) })
	}
	return n, err
}

func (b *pipeBody) Close() error {
	b.once.Do(func() { close(b.stop) })
	return b.PipeReader.Close()
}

// A pipeWriter is the ResponseWriter of one request without a network.
type pipeWriter struct {
	header http.Header
	body   *io.PipeWriter
	once   sync.Once
	ready  chan struct{} // closed when status and sent are final
	status int
	sent   http.Header
}

func (w *pipeWriter) serve(h http.Handler, r *http.Request) {
	defer func() {
		reason := recover()
		_ = r.Body.Close()
		w.once.Do(func() { close(w.ready) }) // status stays 0: reset
		if reason == nil {
			_ = w.body.Close()
			return
		}
		_ = w.body.CloseWithError(io.ErrUnexpectedEOF)
		if reason != http.ErrAbortHandler { //nolint:errorlint // a panic value
			panic(reason)
		}
	}()
	h.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK)
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.ready)
	})
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// FlushError lets http.ResponseController flush, which needs nothing here.
func (w *pipeWriter) FlushError() error { return nil }
