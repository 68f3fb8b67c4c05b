package main

import (
	"context"
	"net/http"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
)

// identity knows who makes a request, and what they are in a tenant.
type identity struct {
	demo    bool
	header  string // that a trusted proxy sets; not in the demo
	tenants map[string]bool
	roles   map[string]map[string]runs.Role // by user, then tenant, "" for every one
}

// The demo's users are named after their roles.
var demoUsers = []runs.Actor{ //nolint:gochecknoglobals // a constant table
	runs.User("owner", "Olivia Owner"),
	runs.User("manager", "Mika Manager"),
	runs.User("operator", "Oskar Operator"),
	runs.User("readonly", "Rosa Readonly"),
	runs.User("outsider", "Otto Outsider"),
}

const demoCookie = "demo_user"

func newIdentity(o *options) *identity {
	id := &identity{
		demo:    o.demo,
		header:  o.authHeader,
		tenants: make(map[string]bool),
		roles:   make(map[string]map[string]runs.Role),
	}
	for _, t := range o.tenants {
		id.tenants[t.name] = true
	}
	if o.demo {
		for _, u := range demoUsers {
			if r := runs.Role(u.ID); r.Member() {
				id.roles[u.ID] = map[string]runs.Role{"": r}
			}
		}
	}
	for _, r := range o.roles {
		if id.roles[r.user] == nil {
			id.roles[r.user] = make(map[string]runs.Role)
		}
		id.roles[r.user][r.tenant] = r.role
	}
	return id
}

// who says who makes a request.
func (id *identity) who(r *http.Request) (runs.Actor, error) {
	if !id.demo {
		// Two values would mean that somebody beside the proxy has set one.
		values := r.Header.Values(id.header)
		if len(values) != 1 || values[0] == "" || len(values[0]) > 200 {
			return runs.Actor{}, monitor.ErrUnauthenticated
		}
		return runs.User(values[0], values[0]), nil
	}
	name := r.Header.Get("X-Demo-User")
	if c, err := r.Cookie(demoCookie); err == nil && name == "" {
		name = c.Value
	}
	if name == "" {
		return demoUsers[0], nil
	}
	for _, u := range demoUsers {
		if u.ID == name {
			return u, nil
		}
	}
	return runs.Actor{}, monitor.ErrUnauthenticated
}

// role says what an actor is in a tenant. In a tenant that the host does not
// serve nobody is anything.
func (id *identity) role(_ context.Context, actor runs.Actor, tenant string) (runs.Role, error) {
	if !id.tenants[tenant] || actor.Kind != runs.ActorUser {
		return "", nil
	}
	if r, ok := id.roles[actor.ID][tenant]; ok {
		return r, nil
	}
	return id.roles[actor.ID][""], nil
}
