package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

func (h *host) routeGroups(mux *router) {
	mux.HandleFunc("GET "+apiBase+"/t/{tenant}/groups", h.api.Viewing(h.listGroups))
	mux.HandleFunc("GET "+apiBase+"/t/{tenant}/directory/search", h.api.Viewing(h.searchDirectory))
	mux.HandleFunc("POST "+apiBase+"/signin", h.postSignIn)
}

// A groupJSON is a group of the cache, and whether to rely on it.
type groupJSON struct {
	directory.Group
	Stale bool `json:"stale"`
}

// listGroups lists groups from the cache.
func (h *host) listGroups(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	q := r.URL.Query()
	limit, err := monitor.ParseLimit(q)
	if err != nil {
		return err
	}
	page, err := h.stores.directory.List(r.Context(), directory.Query{
		Tenant: v.Tenant, Text: q.Get("q"), After: runs.Cursor(q.Get("after")), Limit: limit,
	})
	if err != nil {
		return err
	}
	now := time.Now()
	var groups []groupJSON
	for _, g := range page.Groups {
		groups = append(groups, groupJSON{g, g.Stale(now)})
	}
	writeList(w, groups, page.Next)
	return nil
}

// errNotSignedIn means that something needs a person's own token, which is not
// there, or not good any more.
var errNotSignedIn = errors.New("no delegated sign-in")

// notSignedIn is how that is answered.
func notSignedIn() runs.Failure {
	return runs.Failure{Reason: "authentication_required", Message: "This is done with your own rights. Sign in to the directory first."}
}

// A foundGroup is a group that a live search found.
type foundGroup struct {
	ID      string         `json:"id"`
	Name    string         `json:"display_name,omitempty"`
	Type    directory.Type `json:"type"`
	Dynamic bool           `json:"dynamic,omitempty"`
	Synced  bool           `json:"synced,omitempty"`
}

// search searches the groups of a tenant at Graph, with the person's own rights.
// It reports errNotSignedIn without a token that is good.
func (h *host) search(ctx context.Context, actor runs.Actor, tenant, text string, limit int) ([]foundGroup, error) {
	token := h.signedIn.get(actor, tenant, time.Now())
	if token.Value.IsZero() {
		return nil, errNotSignedIn
	}
	client := h.clients[tenant]
	if client == nil {
		return nil, fmt.Errorf("search: %w", runs.ErrNotFound)
	}
	user, err := client.User(token.Value)
	if err != nil {
		h.signedIn.drop(actor, tenant)
		return nil, errNotSignedIn
	}
	ctx, cancel := context.WithTimeout(ctx, signInPatience)
	defer cancel()
	groups, err := user.SearchGroups(ctx, text, limit)
	if errors.Is(err, graphclient.ErrUnauthenticated) {
		h.signedIn.drop(actor, tenant)
		return nil, errNotSignedIn
	}
	var found []foundGroup
	for _, g := range groups {
		c := graphsource.NewGroup(g)
		found = append(found, foundGroup{c.ID, c.Name, c.Type, c.Dynamic, c.Synced})
	}
	return found, graphsource.Public(err)
}

// searchProblem says how an error of search is answered; false for one that is
// answered as any other.
func searchProblem(err error) (int, runs.Failure, bool) {
	f, _ := runs.FailureOf(err)
	switch {
	case errors.Is(err, errNotSignedIn):
		return http.StatusConflict, notSignedIn(), true
	case errors.Is(err, graphclient.ErrForbidden):
		return http.StatusForbidden, f, true
	case errors.Is(err, graphclient.ErrThrottled), errors.Is(err, graphclient.ErrUnreachable):
		return http.StatusServiceUnavailable, f, true
	case errors.Is(err, graphclient.ErrInvalidRequest):
		return http.StatusBadRequest, runs.Failure{Reason: runs.ReasonInvalidInput, Message: "The text cannot be searched for. Shorten it."}, true
	}
	_, ofGraph := errors.AsType[*graphclient.Error](err)
	return http.StatusBadGateway, f, ofGraph
}

// searchDirectory searches groups live.
func (h *host) searchDirectory(w http.ResponseWriter, r *http.Request, v monitor.Viewer) error {
	q := r.URL.Query()
	limit, err := monitor.ParseLimit(q)
	if err != nil {
		return err
	}
	found, err := h.search(r.Context(), v.Actor, v.Tenant, q.Get("q"), limit)
	if err == nil {
		writeList(w, found, "")
		return nil
	}
	if status, f, ok := searchProblem(err); ok {
		monitor.WriteProblem(w, status, f)
		return nil
	}
	return err
}

// postSignIn signs the person in to the tenant that the body names, or to all
// that they may view.
func (h *host) postSignIn(w http.ResponseWriter, r *http.Request) {
	answer, err := h.signInTo(r)
	if err != nil {
		status, f := monitor.StatusOf(err)
		if errors.Is(err, errNotSignedIn) {
			status, f = http.StatusForbidden, runs.Failure{Reason: runs.ReasonPermissionDenied, Message: "The directory does not let you sign in."}
		}
		monitor.WriteProblem(w, status, f)
		return
	}
	monitor.WriteJSON(w, http.StatusOK, answer)
}

// A signedInJSON says where a person is signed in, and for how long. The token
// is not told.
type signedInJSON struct {
	Tenants []string  `json:"tenants"`
	Expires time.Time `json:"expires_at"`
}

func (h *host) signInTo(r *http.Request) (signedInJSON, error) {
	var answer signedInJSON
	actor, err := h.identity.who(r)
	if err != nil {
		return answer, err
	}
	tenants := h.visible(r, actor)
	switch {
	case len(tenants) == 0:
		return answer, fmt.Errorf("sign in: %w", runs.ErrNotFound)
	case !h.opts.demo:
		return answer, fmt.Errorf("sign in: %w", errors.ErrUnsupported)
	}
	var body struct {
		Tenant string `json:"tenant"`
	}
	if r.ContentLength != 0 {
		if err := monitor.ReadJSON(r.Body, &body); err != nil {
			return answer, err
		}
	}
	if body.Tenant != "" {
		if err := h.authorizer.Authorize(r.Context(), actor, body.Tenant, runs.ActionView); err != nil {
			return answer, err
		}
		tenants = []string{body.Tenant}
	}
	for _, tenant := range tenants {
		token, err := h.signIn(r.Context(), actor, tenant)
		if err != nil {
			return answer, err
		}
		h.signedIn.put(actor, tenant, token)
		answer.Tenants = append(answer.Tenants, tenant)
		answer.Expires = token.Expires.UTC().Truncate(time.Second)
	}
	return answer, nil
}
