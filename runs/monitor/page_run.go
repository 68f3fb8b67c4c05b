package monitor

import (
	"net/http"
	"net/url"

	"github.com/tenantatlas/tenantatlas/runs"
)

// runPage shows one run with its items.
func (h *Hub) runPage(w http.ResponseWriter, r *http.Request, p *page) error {
	run, err := h.api.readRun(r.Context(), Viewer{p.Actor, p.Tenant}, r.PathValue("id"))
	if err != nil {
		return err
	}
	v := r.URL.Query()
	q, err := parseItemQuery(v)
	if err != nil {
		return err
	}
	q.Run = run.Ref()
	items, err := h.cfg.Runs.Items(r.Context(), q)
	if err != nil {
		return err
	}
	self := p.Path("runs", run.ID)
	data := struct {
		Run   *runs.Run
		Items []runs.Item
		More  string
		JSON  string
	}{Run: run, Items: items.Items, JSON: p.Base + apiPath + self[len(p.Base):]}
	if items.Next != "" {
		next := url.Values{"after": {string(items.Next)}}
		for _, name := range []string{"outcome", "reason", "limit"} {
			if v.Has(name) {
				next[name] = v[name]
			}
		}
		data.More = withQuery(self, next)
	}
	p.Title, p.Data = p.Label(run.Type)+" "+run.Ref().Short(), data
	return h.render(w, r, http.StatusOK, "run", p)
}
