package monitor

import (
	"maps"
	"net/http"
	"net/url"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A tab selects runs by how they are doing.
type tab struct {
	Name    string // end of a message key
	Href    string
	Current bool
}

// tabs are what the list of runs can be narrowed to with one click, each with
// the parameter that does it.
func tabs(path string, v url.Values) []tab {
	all := []struct{ name, param, value string }{
		{"all", "", ""},
		{"active", "status", "queued,running"},
		{"succeeded", "outcome", "succeeded"},
		{"partial", "outcome", "partially_succeeded"},
		{"failed", "outcome", "failed"},
	}
	out := make([]tab, len(all))
	for i, t := range all {
		next := url.Values{}
		for name, values := range v {
			if name != "status" && name != "outcome" && name != "after" {
				next[name] = values
			}
		}
		if t.param != "" {
			next.Set(t.param, t.value)
		}
		out[i] = tab{t.name, withQuery(path, next), v.Get("status") == next.Get("status") && v.Get("outcome") == next.Get("outcome")}
	}
	return out
}

// withQuery is path with v as its query.
func withQuery(path string, v url.Values) string {
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// runsPage lists the runs of a tenant.
func (h *Hub) runsPage(w http.ResponseWriter, r *http.Request, p *page) error {
	v := r.URL.Query()
	q, err := ParseQuery(v, p.Actor, p.Now)
	if err != nil {
		return err
	}
	list, err := h.api.readRuns(r.Context(), Viewer{p.Actor, p.Tenant}, q)
	if err != nil {
		return err
	}
	data := struct {
		Tabs             []tab
		Runs             []*runs.Run
		Newest, Older    string
		Filtered, Active bool
	}{Tabs: tabs(p.Path("runs"), v), Runs: list.Runs, Filtered: len(v) > 0}
	for _, run := range list.Runs {
		data.Active = data.Active || run.Active()
	}
	if list.Next != "" {
		next := url.Values{}
		maps.Copy(next, v)
		next.Set("after", string(list.Next))
		data.Older = withQuery(p.Path("runs"), next)
	}
	if v.Has("after") {
		v.Del("after")
		data.Newest = withQuery(p.Path("runs"), v)
	}
	p.Title, p.Data = p.T("runs.title"), data
	return h.render(w, r, http.StatusOK, "runs", p)
}
