package main

import (
	"fmt"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/graphtest"
	"github.com/tenantatlas/tenantatlas/restore/graphtarget"
)

// targets returns the access to every tenant, all of it paced by one limiter.
func (h *host) targets() (map[string]*graphtarget.Target, error) {
	if h.opts.demo {
		if err := h.startGraph(); err != nil {
			return nil, err
		}
	}
	cloud := graphclient.GlobalCloud()
	if h.opts.graphURL != "" {
		cloud.Graph = h.opts.graphURL
	}
	tokens, err := graphclient.NewClientCredentials(graphclient.CredentialsConfig{
		ClientID: h.opts.clientID,
		Secret:   h.opts.clientSecret,
		Cloud:    cloud,
		TokenURL: h.opts.tokenURL,
		Logger:   h.log,
	})
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	limiter, err := graphclient.NewLimiter(graphclient.LimiterConfig{})
	if err != nil {
		return nil, err
	}
	targets := make(map[string]*graphtarget.Target)
	h.clients = make(map[string]*graphclient.Client)
	for _, t := range h.opts.tenants {
		client, err := graphclient.New(graphclient.Config{
			Tenant:    t.id,
			Tokens:    tokens,
			Cloud:     cloud,
			Limiter:   limiter,
			Logger:    h.log,
			Observe:   h.metrics.graph,
			UserAgent: "TenantAtlasHost/0.1",
		})
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.name, err)
		}
		targets[t.name], h.clients[t.name] = graphtarget.New(client), client
	}
	return targets, nil
}

// startGraph serves the demo's tenants on a port of its own.
func (h *host) startGraph() error {
	server, err := graphtest.New(graphtest.Config{Users: demoPeople(h.opts.tenants)})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	for i, t := range h.opts.tenants {
		tenant, err := server.AddTenant(t.id)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		if err := tenant.LoadDocument(graphtest.DemoTenant(uint64(i+1), 2-i)); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	base, err := server.Start()
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	h.closers = append(h.closers, server.Close)
	h.opts.graphURL = base
	h.opts.tokenURL = base + "/{tenant}/oauth2/v2.0/token"
	h.opts.clientID, h.opts.clientSecret = "demo", graphclient.NewSecret("demo")
	return nil
}
