package monitor

import (
	"net/http"
	"slices"
	"strings"
)

// routes is a mux that can say what it has.
type routes struct {
	http.ServeMux
	patterns []string
}

// HandleFunc hides that of the mux, to remember the pattern.
func (m *routes) HandleFunc(pattern string, handle http.HandlerFunc) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.HandleFunc(pattern, handle)
}

// pattern returns the pattern that matches r, behind base; empty if none does.
func (m *routes) pattern(r *http.Request, base string) string {
	_, pattern := m.Handler(r)
	if pattern == "" {
		return ""
	}
	return behind(base, pattern)
}

// behind returns all patterns as they are when base is before their paths.
func (m *routes) behind(base string) []string {
	all := make([]string, len(m.patterns))
	for i, pattern := range m.patterns {
		all[i] = behind(base, pattern)
	}
	return all
}

// behind returns a pattern as it is when base is before its path.
func behind(base, pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	return method + " " + base + path
}

// Pattern returns the pattern of the route that answers r, such as
// "GET /api/v1/t/{tenant}/runs"; empty if there is none. Logs and metrics of the
// host's want it instead of the path. It has no effect on r.
func (a *API) Pattern(r *http.Request) string {
	r = mounted(r, a.cfg.BasePath)
	return a.mux.pattern(r, basePath(r))
}

// Routes returns the patterns of all routes, behind [Config].BasePath if it is
// set. A host's table of who may do what can be compared with them.
func (a *API) Routes() []string { return a.mux.behind(a.cfg.BasePath) }

// Pattern returns the pattern of the route that answers r; see [API.Pattern].
func (h *Hub) Pattern(r *http.Request) string {
	r = mounted(r, h.cfg.BasePath)
	base := basePath(r)
	if strings.HasPrefix(r.URL.Path, apiPath+"/") {
		return h.api.mux.pattern(below(r, apiPath, base+apiPath), base+apiPath)
	}
	return h.mux.pattern(r, base)
}

// Routes returns the patterns of all routes, those below "api" included; see
// [API.Routes].
func (h *Hub) Routes() []string {
	return slices.Concat(h.mux.behind(h.cfg.BasePath), h.api.mux.behind(h.cfg.BasePath+apiPath))
}
