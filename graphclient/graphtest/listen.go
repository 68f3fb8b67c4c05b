package graphtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// A listener is the network side of a server.
type listener struct {
	mu   sync.Mutex
	srv  *http.Server
	url  string
	done chan struct{}
}

// Start listens on a free port of 127.0.0.1 and returns the base URL, such as
// "http://127.0.0.1:34567". Starting again returns the same.
func (s *Server) Start() (string, error) { return s.Listen("127.0.0.1:0") }

// Listen is Start with an address of the caller's choice.
func (s *Server) Listen(addr string) (string, error) {
	l := &s.listen
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.srv != nil {
		return l.url, nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", addr) //nolint:forbidigo // Close ends it
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", addr, err)
	}
	l.srv = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	l.url = "http://" + ln.Addr().String()
	l.done = make(chan struct{})
	go func(srv *http.Server, done chan struct{}) {
		defer close(done)
		_ = srv.Serve(ln) // always ErrServerClosed: Close is the only end
	}(l.srv, l.done)
	return l.url, nil
}

// URL returns the base URL, or "" before Start.
func (s *Server) URL() string {
	s.listen.mu.Lock()
	defer s.listen.mu.Unlock()
	return s.listen.url
}

// Close stops listening and cuts open connections. The tenants stay; Start
// may be called again.
func (s *Server) Close() error {
	l := &s.listen
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.srv == nil {
		return nil
	}
	err := l.srv.Close()
	<-l.done
	l.srv, l.url = nil, ""
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close graph server: %w", err)
	}
	return nil
}
