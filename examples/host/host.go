package main

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/bell"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
	"github.com/tenantatlas/tenantatlas/runs/monitor"
	"github.com/tenantatlas/tenantatlas/runs/pondruns"
	"github.com/tenantatlas/tenantatlas/runs/prune"
)

// A host is everything that the server needs, wired together.
type host struct {
	opts       *options
	log        *slog.Logger
	identity   *identity
	audit      *audit.Log
	authorizer *audit.Guard
	stores     *stores
	backups    backups
	find       finder
	clients    map[string]*graphclient.Client // by tenant
	signedIn   signIns
	tracker    *runs.Tracker
	queue      *queue // the tracker, for what people start
	metrics    *metrics
	api        *monitor.API
	hub        *monitor.Hub
	pages      *template.Template
	closers    []func() error
}

func newHost(ctx context.Context, opts *options, log *slog.Logger) (_ *host, err error) {
	h := &host{opts: opts, log: log, identity: newIdentity(opts), metrics: newMetrics()}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.stores, err = openStores(ctx, opts.db); err != nil {
		return nil, err
	}
	h.closers = append(h.closers, h.stores.close)
	if h.audit, err = h.openAudit(ctx); err != nil {
		return nil, err
	}
	h.authorizer = h.audit.Guard(runs.Roles(h.identity.role))
	h.find = finder{restore.Stored{Items: h.stores.inventory, Groups: h.stores.directory}}
	targets, err := h.targets()
	if err != nil {
		return nil, err
	}
	if h.backups, err = h.openBackups(targets); err != nil {
		return nil, err
	}
	ops := []runs.Operation{inventory.Operation(inventory.Config{
		Store:  h.stores.inventory,
		Source: func(_ context.Context, tenant string) (inventory.Source, error) { return target(targets, tenant) },
	}), directory.Operation(directory.Config{
		Store:  h.stores.directory,
		Source: func(_ context.Context, tenant string) (directory.Source, error) { return target(targets, tenant) },
	})}
	pruning, err := prune.Operation(prune.Config{Store: h.stores.pruner})
	if err != nil {
		return nil, err
	}
	forgetting, err := notify.PruneOperation(notify.PruneConfig{Inbox: h.stores.inbox})
	if err != nil {
		return nil, err
	}
	ops = append(ops, pruning, forgetting)
	ops = append(ops, h.backups.operations()...)
	if opts.demo {
		ops = append(ops, demoOperations()...)
	}
	observer, err := notify.NewObserver(notify.Config{Inbox: h.stores.inbox})
	if err != nil {
		return nil, err
	}
	h.tracker, err = runs.New(runs.Config{
		Store:      h.stores.runs,
		Items:      h.stores.items,
		Dispatcher: pondruns.New(pondruns.Config{Workers: 8, Logger: log}),
		Operations: ops,
		Authorizer: h.authorizer,
		Observers:  []runs.Observer{h.audit, observer, h.metrics},
		Logger:     log,
	})
	if err != nil {
		return nil, err
	}
	h.queue = newQueue(h.tracker, opts.tenants)
	h.metrics.watch(h.queue, log)
	inbox, err := bell.New(bell.Config{
		Inbox:     h.stores.inbox,
		Presenter: notify.Presenter{Label: notify.Labels(h.tracker.Operations())},
	})
	if err != nil {
		return nil, err
	}
	if h.pages, err = h.parsePages(); err != nil {
		return nil, err
	}
	return h, h.watch(inbox)
}

// watch makes the API and the hub, which show the same.
func (h *host) watch(inbox monitor.Inbox) (err error) {
	cfg := monitor.Config{
		Runs:       h.tracker,
		Who:        h.identity.who,
		Authorizer: h.authorizer,
		Inbox:      inbox,
		Audit:      h.audit,
		Logger:     h.log,
	}
	if h.opts.actions {
		cfg.Actions = h.queue
	}
	hub := cfg
	cfg.BasePath, cfg.Page = apiBase, runPath
	if h.api, err = monitor.NewAPI(cfg); err != nil {
		return err
	}
	hub.BasePath, hub.Layout, hub.Tenants, hub.Links = opsBase, h.frame, h.tenantNames, links
	h.hub, err = monitor.New(hub)
	return err
}

func (h *host) close() {
	var errs []error
	for _, closer := range slices.Backward(h.closers) {
		errs = append(errs, closer())
	}
	h.closers = nil
	if err := errors.Join(errs...); err != nil {
		h.log.Error("close", "error", err)
	}
}
