package graphtest

import (
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// ServeHTTP answers Graph and token requests.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.login(w, r) {
		return
	}
	leave := s.stats.enter()
	defer leave()
	c := s.newCall(r)
	a := c.gate(r)
	batch := a == nil && strings.EqualFold(c.path, "$batch") && r.Method == http.MethodPost
	switch {
	case batch:
		s.stats.add(func(st *Stats) { st.Batches++ })
		a = s.batch(c)
	case a == nil:
		a = s.answer(c)
	}
	s.record(c, a)
	s.send(w, r, c, a)
}

const maxBody = 16 << 20

func (s *Server) newCall(r *http.Request) *call {
	n := s.requests.Add(1)
	c := &call{
		srv: s, now: s.cfg.Now(), method: r.Method, query: r.URL.RawQuery, header: r.Header, opts: noOptions,
		requestID: guid("request", s.cfg.seedText(), strconv.FormatUint(n, 10)), level: levelOf(r.Header.Get("Accept")),
	}
	c.clientID = r.Header.Get("client-request-id")
	if c.clientID == "" {
		c.clientID = c.requestID
	}
	s.mu.RLock()
	c.quirks = s.quirks
	s.mu.RUnlock()
	c.base = "http://" + r.Host
	if r.TLS != nil {
		c.base = "https://" + r.Host
	}
	c.version, c.path, _ = strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	return c
}

// gate does what the gateway does before a service sees the request. nil lets
// it through.
func (c *call) gate(r *http.Request) *answer {
	token, challenge, problem := c.srv.authenticate(c.header.Get("Authorization"))
	if token != nil {
		c.token, c.tenant = token, c.srv.Tenant(token.tenant)
	}
	switch {
	case problem != "":
		return c.unauthorized(problem)
	case challenge != "":
		return c.challenge(challenge)
	case c.version != "beta" && c.version != "v1.0":
		return c.badRequest("Invalid version: " + c.version + ".")
	}
	if r.Body != nil && c.method != http.MethodGet {
		var err error
		if c.body, err = io.ReadAll(io.LimitReader(r.Body, maxBody+1)); err != nil || len(c.body) > maxBody {
			return c.fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request body is too large or could not be read.")
		}
	}
	return nil
}

// send puts an answer on the wire, with whatever damage it takes there.
func (s *Server) send(w http.ResponseWriter, r *http.Request, c *call, a *answer) {
	if sleep(r.Context(), a.delay); a.status == 0 || r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // net/http's way to end a connection without an answer
	}
	h := w.Header()
	h.Set("request-id", c.requestID)
	h.Set("client-request-id", c.clientID)
	h.Set("Date", c.now.UTC().Format(http.TimeFormat))
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"000","RoleInstance":"TA1PEPF00000001"}}`)
	h.Set("Cache-Control", "private")
	if len(a.body) > 0 {
		h.Set("Content-Type", a.contentType(c.level))
		h.Set("OData-Version", "4.0")
	}
	maps.Copy(h, a.header)
	zip := !s.cfg.NoGzip && a.damage == nil && len(a.body) > 1024 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	if zip {
		h.Set("Content-Encoding", "gzip")
		h.Add("Vary", "Accept-Encoding")
	} else {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	switch {
	case a.damage != nil:
		spoil(w, r, a)
	case zip:
		s.writeGzip(w, a.body)
	default:
		_, _ = w.Write(a.body) // the client's loss
	}
}

// spoil writes the beginning of a body and then stops, for a while or for
// good.
func spoil(w http.ResponseWriter, r *http.Request, a *answer) {
	n := a.damage.cut(len(a.body))
	_, _ = w.Write(a.body[:n]) // the client's loss
	_ = http.NewResponseController(w).Flush()
	if a.damage.Kind == FaultStall {
		sleep(r.Context(), a.damage.Delay)
	}
	if a.damage.Kind == FaultTruncate || r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // the announced length never comes
	}
	_, _ = w.Write(a.body[n:])
}

func (a *answer) contentType(l level) string {
	switch a.ctype {
	case "":
		return "application/json;odata.metadata=" + l.String() + ";odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	case "text/plain", "text/html":
		return a.ctype + "; charset=utf-8"
	}
	return a.ctype
}

// writeGzip compresses body. Writers are reused: a new one is a megabyte.
func (s *Server) writeGzip(w io.Writer, body []byte) {
	z, ok := s.zippers.Get().(*gzip.Writer)
	if !ok {
		z, _ = gzip.NewWriterLevel(w, gzip.BestSpeed) // the level is valid
	}
	defer s.zippers.Put(z)
	z.Reset(w)
	_, _ = z.Write(body) // the client's loss
	_ = z.Close()
}
