package graphtest

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// ErrNotFound is reported for a tenant, list or object that does not exist.
var ErrNotFound = errors.New("not found")

// ErrExists is reported for an id that is taken.
var ErrExists = errors.New("id is taken")

// A Server is a Graph service and the token service that goes with it. It is
// safe for concurrent use.
type Server struct {
	cfg Config

	mu      sync.RWMutex
	tenants map[string]*Tenant
	quirks  Quirks
}

// New returns a server for cfg. It does no I/O.
func New(cfg Config) (*Server, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the documented default clock
	}
	s := &Server{cfg: cfg, tenants: make(map[string]*Tenant), quirks: cfg.Quirks}
	for _, id := range cfg.Tenants {
		if _, err := s.AddTenant(id); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// AddTenant adds an empty tenant. It reports [ErrExists] when there is one.
func (s *Server) AddTenant(id string) (*Tenant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		return nil, errors.New("add tenant: empty id")
	}
	if _, ok := s.tenants[id]; ok {
		return nil, fmt.Errorf("add tenant %s: %w", id, ErrExists)
	}
	t := &Tenant{id: id}
	s.tenants[id] = t
	return t, nil
}

// Tenant returns the tenant with that id, or nil.
func (s *Server) Tenant(id string) *Tenant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tenants[id]
}

// SetQuirks replaces the quirks for requests that begin from now on.
func (s *Server) SetQuirks(q Quirks) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quirks = q
}

// ServeHTTP answers Graph and token requests.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "Resource not found for the segment", http.StatusNotFound)
}
