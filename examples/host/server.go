package main

import (
	"cmp"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

//go:embed static
var static embed.FS

// Where the JSON and the hub are.
const (
	apiBase = "/api/v1"
	opsBase = "/ops"
)

// bodyLimit is how large the body of a request may be, in bytes: as large as the
// params of a run, or as what is made for more.
func bodyLimit(r *http.Request) int64 {
	switch {
	case r.Method == http.MethodPatch:
		return 256 << 10 // the mapping of a restore
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, importPath):
		return maxArchive
	default:
		return 64 << 10
	}
}

// handler answers requests. Everything that changes something is a POST, and
// refused when it comes from another site.
func (h *host) handler() http.Handler {
	rt := h.router()
	guarded := http.NewCrossOriginProtection()
	guarded.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		monitor.WriteProblem(w, http.StatusForbidden, runs.Failure{
			Reason: runs.ReasonPermissionDenied, Message: "Requests from other sites may not change anything.",
		})
	}))
	return h.common(guarded.Handler(rt), rt.pattern)
}

// router has everything that the host serves.
func (h *host) router() *router {
	rt := &router{api: h.api, hub: h.hub}
	rt.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		monitor.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	rt.HandleFunc("GET /readyz", h.ready)
	rt.HandleFunc("GET /metrics", h.serveMetrics)
	h.routeAPI(rt)
	h.routePages(rt)
	// A name, and never a folder, which would be listed.
	rt.HandleFunc("GET /static/{name}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		http.ServeFileFS(w, r, static, "static/"+r.PathValue("name"))
	})
	return rt
}

// A router is a mux that knows its routes, and those of the API and the hub in it.
type router struct {
	http.ServeMux
	api      *monitor.API
	hub      *monitor.Hub
	patterns []string
}

// Handle hides that of the mux, to remember the pattern.
func (rt *router) Handle(pattern string, handler http.Handler) {
	rt.patterns = append(rt.patterns, pattern)
	rt.ServeMux.Handle(pattern, handler)
}

// HandleFunc hides that of the mux, to remember the pattern.
func (rt *router) HandleFunc(pattern string, handler http.HandlerFunc) { rt.Handle(pattern, handler) }

// routes are the patterns of everything that is served.
func (rt *router) routes() []string {
	return slices.Concat(rt.patterns, rt.api.Routes(), rt.hub.Routes())
}

// pattern is that of the route of a request, also if the request is refused
// before it gets there.
func (rt *router) pattern(r *http.Request) string {
	_, pattern := rt.Handler(r)
	inner := ""
	switch pattern {
	case apiBase + "/":
		inner = rt.api.Pattern(r)
	case opsBase + "/":
		inner = rt.hub.Pattern(r)
	}
	return cmp.Or(inner, pattern)
}

// orMethods answers 405 for what has a route by another method, be it the host's
// or the API's, and leaves the rest to next. A mux cannot, since next takes all.
func (rt *router) orMethods(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rt.pattern(r) != apiBase+"/" {
			next.ServeHTTP(w, r)
			return
		}
		var allowed []string
		for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			other := r.Clone(r.Context())
			if other.Method = m; rt.pattern(other) != apiBase+"/" {
				allowed = append(allowed, m)
			}
		}
		if len(allowed) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		monitor.WriteProblem(w, http.StatusMethodNotAllowed, runs.Failure{
			Reason: runs.ReasonUnsupported, Message: "This method is not allowed here.",
		})
	})
}

// common does what every answer needs: an id, security headers, limits, a line in
// the log and its place in the metrics. The line has nothing that the client
// chose but the id, which is of few letters.
func (h *host) common(next http.Handler, patternOf func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r.Header.Get("X-Request-Id"))
		h.secure(w.Header(), id)
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit(r))
		began, route := time.Now(), patternOf(r)
		if _, path, ok := strings.Cut(route, " "); ok {
			route = path
		}
		said := &answer{ResponseWriter: w, streams: h.metrics.streams, status: http.StatusOK}
		defer func() {
			v := recover()
			if v != nil && v != http.ErrAbortHandler { //nolint:errorlint // a panic's value
				h.log.ErrorContext(r.Context(), "handler panicked", "request", id, "route", route, "panic", v, "stack", string(debug.Stack()))
				if !said.wrote {
					monitor.WriteProblem(said, http.StatusInternalServerError, runs.Because(runs.ReasonInternal))
					v = nil
				}
			}
			said.end()
			took := time.Since(began)
			h.metrics.request(r.Method, route, said.status, took)
			h.log.InfoContext(r.Context(), "request", "request", id, "method", method(r.Method), "route", route,
				"status", said.status, "ms", float64(took.Microseconds())/1000, "bytes", said.bytes)
			if v != nil {
				panic(http.ErrAbortHandler) // half an answer must not look like a whole one
			}
		}()
		next.ServeHTTP(said, r)
	})
}

// secure sets the headers that every answer has.
func (h *host) secure(header http.Header, id string) {
	header.Set("X-Request-Id", id)
	header.Set("Cache-Control", "no-store") // static files say otherwise
	header.Set("Content-Security-Policy", monitor.ContentSecurityPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if !h.opts.demo {
		// Browsers heed it behind a proxy with TLS only.
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

// method is one of HTTP's own: anybody can make others up.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	default:
		return "other"
	}
}

// An answer remembers what was answered.
type answer struct {
	http.ResponseWriter
	streams prometheus.Gauge // counts the open streams of events
	status  int
	bytes   int64
	wrote   bool
	stream  bool
}

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	if !a.wrote && status >= 200 { // what is less is followed by another
		a.wrote, a.status = true, status
		if a.Header().Get("Content-Type") == "text/event-stream" {
			a.stream = true
			a.streams.Inc()
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(b []byte) (int, error) {
	if !a.wrote {
		a.WriteHeader(http.StatusOK)
	}
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) end() {
	if a.stream {
		a.streams.Dec()
	}
}

// requestID takes over the id that a proxy has given, if it looks like one.
func requestID(given string) string {
	if given != "" && len(given) <= 64 && strings.Trim(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") == "" {
		return given
	}
	var b [8]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// ready reports whether the host can start runs: whether its store answers.
func (h *host) ready(w http.ResponseWriter, r *http.Request) {
	_, err := h.tracker.List(r.Context(), runs.Query{Tenant: runs.SystemTenant, Limit: 1})
	if err != nil {
		h.log.WarnContext(r.Context(), "not ready", "error", err)
		monitor.WriteProblem(w, http.StatusServiceUnavailable, runs.Because(runs.ReasonUnreachable))
		return
	}
	monitor.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}
