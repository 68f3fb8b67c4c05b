package graphclient_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// serve starts a server and returns a client for it over real connections.
func serve(t testing.TB, h http.HandlerFunc, change func(*graphclient.Config)) *graphclient.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	rt := graphclient.NewTransport()
	t.Cleanup(rt.CloseIdleConnections)
	return newClient(t, rt, func(c *graphclient.Config) {
		c.Cloud = graphclient.Cloud{Graph: srv.URL, Login: srv.URL}
		c.Limiter = unlimited(t)
		c.MaxAttempts = 1
		if change != nil {
			change(c)
		}
	})
}

// Ten gigabytes that come as ten megabytes do not reach the heap.
func TestGzipBomb(t *testing.T) {
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
	_, _ = w.Write(bytes.Repeat([]byte(" "), 8<<20))
	_ = w.Close()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		for range 1280 { // gzip members one after the other are one body
			if _, err := w.Write(z.Bytes()); err != nil {
				return
			}
		}
	}, nil)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := client.Do(t.Context(), graphclient.Request{Path: listPath})
	runtime.ReadMemStats(&after)
	if e := errorOf(t, err); e.Reason != graphclient.ErrTooLarge || e.Code != "compression_ratio" {
		t.Errorf("got %v, want it too large", err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
		t.Errorf("allocated %d MiB", got>>20)
	}
}

func TestBodyLimits(t *testing.T) {
	const limit = 1 << 20
	list := func(n int) string { return `{"value":["` + strings.Repeat("x", n-len(`{"value":[""]}`)) + `"]}` }
	for name, c := range map[string]struct {
		body string
		gzip bool
		want error
	}{
		"just fits":              {list(limit), false, nil},
		"just fits, compressed":  {list(limit), true, nil},
		"a byte more":            {list(limit + 1), false, graphclient.ErrTooLarge},
		"a byte more compressed": {list(limit + 1), true, graphclient.ErrTooLarge},
	} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprint(name, known), func(t *testing.T) {
				body := []byte(c.body)
				headers := []string{"X: y"}
				if c.gzip {
					body, headers = zipped(body), []string{"Content-Encoding: gzip"}
				}
				svc := script(func() (*http.Response, error) {
					resp := answer(200, string(body), headers...)
					if known {
						resp.ContentLength = int64(len(body))
					}
					return resp, nil
				})
				client := newClient(t, svc, func(cfg *graphclient.Config) { cfg.MaxBody = limit })
				if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			})
		}
	}
}

// A body of a gigabyte is not read to its end.
func TestHugeBody(t *testing.T) {
	var sent atomic.Int64
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		chunk := bytes.Repeat([]byte(`{"id":"x"},`), 1<<12)
		_, _ = io.WriteString(w, `{"value":[`)
		for sent.Load() < 1<<30 {
			n, err := w.Write(chunk)
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	}, func(c *graphclient.Config) { c.MaxBody = 4 << 20 })
	_, _, err := all(t.Context(), client, graphclient.Request{Path: listPath})
	if !errors.Is(err, graphclient.ErrTooLarge) || sent.Load() > 64<<20 {
		t.Errorf("got %v after %d MiB", err, sent.Load()>>20)
	}
}

func TestWrongContent(t *testing.T) {
	const list = `{"value":[]}`
	for name, c := range map[string]struct {
		body    string
		headers []string
		code    string
	}{
		"html":               {"<html></html>", []string{"Content-Type: text/html; charset=utf-8"}, "content_type"},
		"xml":                {"<feed/>", []string{"Content-Type: application/atom+xml"}, "content_type"},
		"json as text":       {list, []string{"Content-Type: text/plain"}, "content_type"},
		"no type":            {list, []string{"Content-Type: "}, "content_type"},
		"html as json":       {"<html></html>", nil, "not_an_object"},
		"byte order mark":    {"\ufeff" + list, nil, "byte_order_mark"},
		"brotli":             {list, []string{"Content-Encoding: br"}, "content_encoding"},
		"gzip twice":         {list, []string{"Content-Encoding: gzip, gzip"}, "content_encoding"},
		"gzip that is none":  {list, []string{"Content-Encoding: gzip"}, "gzip"},
		"gzip, wrong sum":    {string(append(zipped([]byte(list))[:len(zipped([]byte(list)))-8], make([]byte, 8)...)), []string{"Content-Encoding: gzip"}, "gzip"},
		"an error with 200":  {`{"error":{"code":"Odd","message":"m"}}`, nil, "Odd"},
		"a nameless error":   {`{"error":{"message":"m"}}`, nil, "error_in_success"},
		"nothing":            {"", nil, "truncated"},
		"an object":          {"{}", nil, "not_a_list"},
		"value is no array":  {`{"value":"x"}`, nil, "not_a_list"},
		"utf-16":             {"\xff\xfe{\x00}\x00", nil, "not_utf8"},
		"charset is ignored": {"{}", []string{"Content-Type: application/json; charset=utf-8; odata.metadata=minimal"}, "not_a_list"},
		"a type with faults": {"{}", []string{"Content-Type: application/json; x"}, "not_a_list"},
	} {
		t.Run(name, func(t *testing.T) {
			svc := script(says(200, c.body, c.headers...))
			client := newClient(t, svc, func(cfg *graphclient.Config) { cfg.MaxAttempts = 1 })
			_, _, err := all(t.Context(), client, graphclient.Request{Path: listPath})
			if e := errorOf(t, err); e.Reason != graphclient.ErrBadResponse || e.Code != c.code || e.Status != 200 || e.RequestID == "" {
				t.Errorf("got %v with code %q, want %q", err, e.Code, c.code)
			}
		})
	}
}

// An object may have a property called error.
func TestErrorProperty(t *testing.T) {
	for _, body := range []string{`{"id":"1","error":{"code":"x"}}`, `{"@odata.context":"x","status":"failed","error":{"code":"x"}}`, `{"error":null}`, `{"error":"x"}`} {
		if _, err := newClient(t, script(says(200, body)), nil).Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// pipeServer lets a client talk to serve over connections in memory, where
// time is virtual.
func pipeServer(t *testing.T, serve func(conn net.Conn, n int)) *http.Transport {
	t.Helper()
	rt := graphclient.NewTransport()
	n := 0
	rt.DialContext = func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		n++
		go serve(server, n)
		return client, nil
	}
	return rt
}

// Whoever sends too slowly, or not at all, is left; the attempt is repeated.
func TestStalls(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
	for name, stall := range map[string]func(net.Conn){
		"before the head": func(net.Conn) { time.Sleep(24 * time.Hour) },
		"after the head": func(c net.Conn) {
			_, _ = io.WriteString(c, head)
			time.Sleep(24 * time.Hour)
		},
		"a byte a second": func(c net.Conn) {
			_, _ = io.WriteString(c, head)
			for range 100_000 {
				if _, err := io.WriteString(c, " "); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
		"in the body": func(c net.Conn) {
			_, _ = io.WriteString(c, head+strings.Repeat(" ", 50_000))
			time.Sleep(24 * time.Hour)
		},
		"reset in the body": func(c net.Conn) {
			_, _ = io.WriteString(c, head+strings.Repeat(" ", 50_000))
			_ = c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := pipeServer(t, func(c net.Conn, n int) {
					defer func() { _ = c.Close() }()
					if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
						return
					}
					if n == 1 {
						stall(c)
						return
					}
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 12\r\n\r\n"+`{"value":[]}`)
				})
				client := newClient(t, rt, func(c *graphclient.Config) {
					c.Cloud = graphclient.Cloud{Graph: "http://127.0.0.1:80", Login: "http://127.0.0.1:80"}
				})
				start := time.Now()
				if _, _, err := all(t.Context(), client, graphclient.Request{Path: listPath}); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > 3*time.Minute {
					t.Errorf("took %v", took)
				}
				rt.CloseIdleConnections()
				time.Sleep(48 * time.Hour) // the stalled servers end
			})
		})
	}
}

// Slow is not stalled.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := `{"value":["` + strings.Repeat("x", 200_000) + `"]}`
		rt := pipeServer(t, func(c net.Conn, _ int) {
			defer func() { _ = c.Close() }()
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				return
			}
			time.Sleep(50 * time.Second)
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", len(body))
			for rest := body; rest != ""; {
				n := min(4096, len(rest))
				time.Sleep(50 * time.Second)
				if _, err := io.WriteString(c, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		})
		client := newClient(t, rt, func(c *graphclient.Config) {
			c.Cloud = graphclient.Cloud{Graph: "http://127.0.0.1:80", Login: "http://127.0.0.1:80"}
			c.MaxAttempts = 1
		})
		if _, _, err := all(t.Context(), client, graphclient.Request{Path: listPath}); err != nil {
			t.Error(err)
		}
		rt.CloseIdleConnections()
	})
}
