package graphtest

import (
	"maps"
	"net/http"
	"sync"
	"time"
)

// Stats are totals since New or [Server.ResetStats].
type Stats struct {
	Requests      int   // HTTP requests to Graph, a batch counted once; no token requests
	Parts         int   // parts of batches
	Batches       int   // $batch requests
	Tokens        int   // token requests
	Writes        int   // requests and parts that would change a tenant
	Throttled     int   // 429 answers, parts included
	Failed        int   // answers of 400 and above, parts included
	Bytes         int64 // body bytes made, before compression; parts only within their batch
	MaxConcurrent int   // HTTP requests to Graph under way at once
}

// An Entry is one request or batch part in [Server.Log].
type Entry struct {
	At     time.Time
	Tenant string // empty when no token said which
	Client string // application id
	Method string
	Path   string // with the API version, without query
	Query  string // raw
	Class  string // path without version and with ids as {id}
	Status int    // 0 when the connection was cut
	Bytes  int    // of the body, before compression
	Part   bool   // part of a batch
}

type statistics struct {
	mu     sync.Mutex
	totals Stats
	active int
	counts map[string]int // by method and class
	log    []Entry        // ring
	next   int
	size   int
}

// Stats returns the totals.
func (s *Server) Stats() Stats { return s.stats.snapshot() }

// Writes returns how many requests and batch parts would have changed a
// tenant. After an inventory it must be 0.
func (s *Server) Writes() int { return s.stats.snapshot().Writes }

// Counts returns how many requests and batch parts came, by method and path
// class: "GET deviceManagement/configurationPolicies/{id}/settings".
func (s *Server) Counts() map[string]int {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	return maps.Clone(s.stats.counts)
}

// Log returns the newest requests and batch parts, oldest first. A batch
// comes behind its parts.
func (s *Server) Log() []Entry {
	st := &s.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	out := make([]Entry, 0, len(st.log))
	if len(st.log) == st.size {
		out = append(out, st.log[st.next:]...)
		return append(out, st.log[:st.next]...)
	}
	return append(out, st.log...)
}

// ResetStats forgets totals, counts and log.
func (s *Server) ResetStats() {
	st := &s.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	st.totals, st.counts, st.log, st.next = Stats{}, nil, nil, 0
}

func (st *statistics) snapshot() Stats {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.totals
}

func (st *statistics) add(f func(*Stats)) {
	st.mu.Lock()
	defer st.mu.Unlock()
	f(&st.totals)
}

// enter counts a request as under way until leave is called.
func (st *statistics) enter() (leave func()) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.active++
	st.totals.MaxConcurrent = max(st.totals.MaxConcurrent, st.active)
	return func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.active--
	}
}

// record counts and logs an answered call.
func (s *Server) record(c *call, a *answer) {
	class := c.class()
	e := Entry{
		At: c.now, Method: c.method, Path: "/" + c.version + "/" + c.path, Query: c.query,
		Class: class, Status: a.status, Bytes: len(a.body), Part: c.part,
	}
	if c.token != nil {
		e.Tenant, e.Client = c.token.tenant, c.token.client
	}
	st := &s.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	if c.part {
		st.totals.Parts++
	} else {
		st.totals.Requests++
		st.totals.Bytes += int64(len(a.body))
	}
	if c.write() {
		st.totals.Writes++
	}
	if a.status == http.StatusTooManyRequests {
		st.totals.Throttled++
	}
	if a.status >= http.StatusBadRequest {
		st.totals.Failed++
	}
	if st.counts == nil {
		st.counts = make(map[string]int)
	}
	st.counts[c.method+" "+class]++
	switch {
	case st.size < 0:
	case len(st.log) < st.size:
		st.log = append(st.log, e)
	default:
		st.log[st.next] = e
		st.next = (st.next + 1) % st.size
	}
}
