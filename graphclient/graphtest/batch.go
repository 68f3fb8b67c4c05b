package graphtest

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A batchPart is one request of a batch as sent.
type batchPart struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	DependsOn []string          `json:"dependsOn"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
}

const maxParts = 20

// batch answers POST /$batch: up to 20 requests, each throttled and failing
// for itself, answers in any order. Source: graph.md section 3.3.
func (s *Server) batch(c *call) *answer {
	var in struct {
		Requests []batchPart `json:"requests"`
	}
	if err := json.Unmarshal(c.body, &in); err != nil {
		return c.badRequest("Invalid batch payload format.")
	}
	if msg := checkParts(in.Requests); msg != "" {
		return c.badRequest(msg)
	}
	done := make(map[string]*answer, len(in.Requests))
	var delay time.Duration // of parts side by side, or one after another
	for _, part := range in.Requests {
		a := s.part(c, part, done)
		done[strings.ToLower(part.ID)] = a
		if len(part.DependsOn) > 0 {
			delay += a.delay
		} else {
			delay = max(delay, a.delay)
		}
	}
	order := make([]int, len(in.Requests))
	for i := range order {
		order[i] = i
	}
	if !c.quirks.BatchInOrder {
		n := uint64(s.stats.snapshot().Batches)
		rand.New(rand.NewPCG(s.cfg.Seed, n)).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] }) //nolint:gosec // repeatable on purpose
	}
	b := []byte(`{"responses":[`)
	for _, i := range order {
		b = c.partAnswer(comma(b), in.Requests[i].ID, done[strings.ToLower(in.Requests[i].ID)])
	}
	a := &answer{status: http.StatusOK, body: append(b, "]}"...)}
	if c.quirks.BatchStatus != 0 {
		a = c.fail(c.quirks.BatchStatus, "UnknownError", "")
	}
	a.delay = delay
	return a
}

// checkParts says what is wrong with a batch as a whole, or "".
func checkParts(parts []batchPart) string {
	if len(parts) == 0 {
		return "Invalid batch payload format."
	}
	if len(parts) > maxParts {
		return "Number of batch request steps exceeds the maximum value of 20."
	}
	var before []string
	for _, p := range parts {
		id := strings.ToLower(p.ID)
		switch {
		case id == "":
			return "Each batch request step requires an id."
		case slices.Contains(before, id):
			return "Request step id must be unique within the batch: '" + p.ID + "'."
		case p.Method == "" || p.URL == "":
			return "Each batch request step requires a method and a url."
		}
		for _, d := range p.DependsOn {
			if !slices.Contains(before, strings.ToLower(d)) {
				return "dependsOn of step '" + p.ID + "' names a step that does not come before it."
			}
		}
		before = append(before, id)
	}
	serial := 0
	for i, p := range parts {
		if len(p.DependsOn) == 1 && i > 0 && strings.EqualFold(p.DependsOn[0], parts[i-1].ID) {
			serial++
		} else if len(p.DependsOn) > 0 {
			return "dependsOn must be absent, or name the step before for all steps."
		}
	}
	if serial > 0 && serial != len(parts)-1 {
		return "dependsOn must be absent, or name the step before for all steps."
	}
	return ""
}

// part carries out one request of a batch.
func (s *Server) part(outer *call, p batchPart, done map[string]*answer) *answer {
	c := &call{
		srv: s, quirks: outer.quirks, tenant: outer.tenant, token: outer.token, now: s.cfg.Now(),
		method: strings.ToUpper(p.Method), version: outer.version, base: outer.base, part: true,
		header: make(http.Header), body: p.Body, requestID: outer.requestID, clientID: outer.clientID,
	}
	for k, v := range p.Headers {
		c.header.Set(k, v)
	}
	if id := c.header.Get("client-request-id"); id != "" {
		c.clientID = id
	}
	c.level = levelOf(c.header.Get("Accept"))
	c.path, c.query, _ = strings.Cut(strings.TrimLeft(p.URL, "/"), "?")
	c.opts = noOptions
	var a *answer
	switch {
	case strings.Contains(c.path, "://") || strings.HasPrefix(p.URL, "//") || strings.HasPrefix(c.path, "$batch"):
		a = c.badRequest("Invalid batch request step url: it must be relative.")
	case len(c.body) > 0 && !strings.HasPrefix(strings.ToLower(c.header.Get("Content-Type")), "application/json"):
		a = c.badRequest("Write request id : " + p.ID + " does not contain Content-Type header or body.")
	}
	for _, d := range p.DependsOn {
		if before := done[strings.ToLower(d)]; a == nil && before.status >= 400 {
			a = c.fail(http.StatusFailedDependency, "FailedDependency", "Request not executed because of a failed dependency.")
		}
	}
	if a == nil {
		a = s.answer(c)
	}
	if a.damage != nil { // a part has no connection of its own to break
		a = c.fail(http.StatusServiceUnavailable, "UnknownError", "")
	}
	s.record(c, a)
	return a
}

// partAnswer appends one response of a batch.
func (c *call) partAnswer(dst []byte, id string, a *answer) []byte {
	w := newObject(len(a.body) + 256)
	w.str("id", id)
	w.num("status", a.status)
	h := newObject(128)
	for k := range a.header {
		h.str(k, a.header.Get(k))
	}
	ctype := a.ctype
	if ctype == "" {
		ctype = "application/json"
	}
	h.str("Content-Type", ctype)
	w.raw("headers", h.bytes())
	switch {
	case len(a.body) == 0:
	case a.ctype != "" || a.broken || c.quirks.BatchBase64:
		w.str("body", base64.StdEncoding.EncodeToString(a.body))
	default:
		w.raw("body", a.body)
	}
	return append(dst, w.bytes()...)
}
