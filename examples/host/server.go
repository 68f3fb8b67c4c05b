package main

import (
	"crypto/rand"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"strings"
	"time"

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

// handler routes requests. Everything that changes something is a POST, and
// refused when it comes from another site.
func (h *host) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		monitor.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", h.ready)
	h.routeAPI(mux)
	h.routePages(mux)
	files, err := fs.Sub(static, "static")
	if err == nil {
		mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(files)))
	}
	guarded := http.NewCrossOriginProtection()
	guarded.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		monitor.WriteProblem(w, http.StatusForbidden, runs.Failure{
			Reason: runs.ReasonPermissionDenied, Message: "Requests from other sites may not change anything.",
		})
	}))
	return h.common(guarded.Handler(mux))
}

// common does what every answer needs: an id, security headers, limits and a
// line in the log.
func (h *host) common(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(r.Header.Get("X-Request-Id"))
		header := w.Header()
		header.Set("X-Request-Id", id)
		header.Set("Content-Security-Policy", monitor.ContentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit(r))
		began := time.Now()
		said := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v) // an answer that cannot be finished must not look like one that is
			default:
				h.log.ErrorContext(r.Context(), "handler panicked", "request", id, "panic", v)
				if !said.wrote {
					monitor.WriteProblem(said, http.StatusInternalServerError, runs.Because(runs.ReasonInternal))
				}
			}
			h.log.InfoContext(r.Context(), "request", "request", id, "method", r.Method, "path", r.URL.Path,
				"status", said.status, "duration", time.Since(began))
		}()
		next.ServeHTTP(said, r)
	})
}

// bodyLimit is how many bytes the body of a request may have.
func bodyLimit(r *http.Request) int64 {
	if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, importPath) {
		return maxArchive
	}
	return 256 << 10
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (w *statusWriter) WriteHeader(status int) {
	w.status, w.wrote = status, true
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

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
