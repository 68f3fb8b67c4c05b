package restore

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/parallel"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/restore/backup"
	"github.com/tenantatlas/tenantatlas/runs"
)

// ExecuteType is the type of the runs that carry out a restore. Their params are
// an [ExecuteInput].
const ExecuteType runs.Type = "restore.execute"

// An ExecuteInput names the restore, and says that whoever starts it knows what
// it does.
type ExecuteInput struct {
	Restore string `json:"restore"`

	// DryRun checks that everything could be written, and writes nothing. Nil
	// means true.
	DryRun *bool `json:"dry_run,omitempty"`

	// Acknowledge says that the preview was read; Confirm is the name of the
	// tenant. Without both, only a dry run is started.
	Acknowledge bool   `json:"acknowledge,omitempty"`
	Confirm     string `json:"confirm,omitempty"`

	// Consent names the kinds that give people power over the tenant, and are to
	// be restored all the same; the Consent of the [Preview] lists those that
	// there are. What is not named fails with [ReasonConsent], and everything
	// else is restored.
	Consent []string `json:"consent,omitempty"`

	called string // the restore's set, when the run is planned
}

func (in ExecuteInput) dry() bool { return in.DryRun == nil || *in.DryRun }

// ExecuteOperation returns the operation "restore.execute". Its runs count the
// items of the restore.
func ExecuteOperation(cfg Config) runs.Operation {
	cfg = cfg.complete()
	spec := runs.Spec[ExecuteInput]{
		Type:        ExecuteType,
		Label:       "Restore",
		Description: "Writes what was captured into the tenant, or tries out whether it could.",
		Prepare:     cfg.prepareExecute,
		Identity:    func(in ExecuteInput) any { return map[string]any{"restore": in.Restore, "dry_run": in.dry()} },
		Lane:        func(ExecuteInput) string { return lane },
		Target:      func(in ExecuteInput) runs.Target { return targetOf(in.Restore, in.called) },
		Context: func(in ExecuteInput) map[string]string {
			return map[string]string{"dry run": strconv.FormatBool(in.dry())}
		},
		Action: func(in ExecuteInput) runs.Action {
			if in.dry() {
				return runs.ActionStart
			}
			return runs.ActionRestore
		},
		Rights:   []runs.Action{runs.ActionStart, runs.ActionRestore},
		Timeout:  cfg.Timeout,
		Expected: cfg.Expected,
	}
	if cfg.executes() {
		spec.Handle = cfg.execute
	}
	return spec.Operation()
}

func (cfg Config) prepareExecute(ctx context.Context, tenant string, in *ExecuteInput) error {
	dry := in.dry()
	in.DryRun = &dry
	r, err := cfg.known(ctx, tenant, in.Restore)
	if err != nil || r == nil {
		return err
	}
	in.called = cfg.nameOf(ctx, r)
	if !dry && !in.Acknowledge {
		return runs.Public(nil, runs.ReasonInvalidInput, "Read the preview and acknowledge it, or start a dry run.")
	}
	if !dry && in.Confirm != tenant {
		return runs.Public(nil, runs.ReasonInvalidInput, "Type the name of the tenant to confirm, or start a dry run.")
	}
	for _, kind := range in.Consent {
		if t, ok := contract.Lookup(kind); !ok || t.Write.Consent == "" {
			return runs.Public(nil, runs.ReasonInvalidInput, "The consent names a kind that needs none. The preview lists those that do.")
		}
	}
	return r.ready(dry)
}

// ready returns why the restore cannot be executed as it is planned.
func (r *Restore) ready(dry bool) error {
	message := ""
	switch {
	case r.Preview == nil:
		message = "There is no preview yet. Start one first."
	case r.Preview.Fingerprint != r.Fingerprint():
		message = "The plan has changed since the preview. Start another one."
	case !dry && len(r.Preview.Blockers) > 0:
		message = r.Preview.Blockers[0].Message
	case dry && r.executed():
		message = "This restore was executed. Start another one, or a rerun of what is left."
	default:
		return nil
	}
	return runs.Public(nil, runs.ReasonInvalidInput, message)
}

// An execution is a job that writes.
type execution struct {
	*job
	in ExecuteInput

	survey survey

	// Protected by mu of the job.
	waiting []time.Duration        // until something can be done again
	reason  runs.Reason            // why it cannot now
	objects map[inventory.Ref]bool // of the target, that are items of the restore
	unseen  []*task                // written, and still to be looked at; see glance
}

func (cfg Config) execute(ctx context.Context, x *runs.Exec, in ExecuteInput) error {
	j, err := cfg.open(ctx, x, in.Restore)
	if err != nil {
		return err
	}
	if err := j.r.ready(in.dry()); err != nil {
		return err
	}
	set, err := cfg.Backups.GetSet(ctx, j.r.Tenant, j.r.Set)
	if err != nil {
		return damaged(err)
	}
	if set.Manifest != j.r.Manifest {
		return runs.Public(nil, runs.ReasonConflict, "The backup set has changed since the preview. Start another one.")
	}
	if err := cfg.Backups.UseSet(ctx, j.r.Tenant, j.r.Set, j.r.ID, cfg.Now().Add(useSet)); err != nil {
		return damaged(err)
	}
	x.Total(int64(len(j.items)))
	w := &execution{job: j, in: in, objects: make(map[inventory.Ref]bool)}
	if err := w.load(ctx); err != nil {
		return err
	}
	if in.dry() {
		return w.tryOut(ctx)
	}
	return w.write(ctx)
}

// load reads what the preview has decided and how far earlier attempts came.
func (w *execution) load(ctx context.Context) error {
	found := 0
	err := eachItem(ctx, w.cfg.Store, ItemQuery{Tenant: w.r.Tenant, Restore: w.r.ID}, func(i *Item) {
		if e := w.byRef[i.Ref]; e != nil && e.Version == i.Version && i.Decision != "" {
			e.Item = *i
			if found++; e.Object != "" {
				w.claim(e, e.Object)
			}
		}
	})
	if err == nil && found != len(w.items) {
		err = runs.Public(nil, runs.ReasonConflict, "The preview is not of these items. Start another one.")
	}
	return err
}

// tryOut makes the requests that an execution would begin with, and sends none.
func (w *execution) tryOut(ctx context.Context) error {
	results := make(map[Result]int)
	for _, e := range w.items {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !e.Decision.Writes() {
			w.report(e)
			continue
		}
		_, err := w.prepare(ctx, e)
		if err != nil {
			w.x.Fail(e.key(), err)
			results[Failed]++
			continue
		}
		w.x.Succeed(e.key())
	}
	return w.record(ctx, results)
}

// A task is an item that is being written.
type task struct {
	*entry
	want   *wanted
	writer *writer
}

// prepare works out what is to be written of an item.
func (w *execution) prepare(ctx context.Context, e *entry) (*task, error) {
	p, err := w.identify(ctx, e)
	if err != nil {
		return nil, err
	}
	if reason := unsupported(e.typ, p); reason != "" { // the preview is of a version that thought otherwise
		return nil, runs.Public(nil, runs.ReasonUnsupported, reason)
	}
	want, err := w.translate(e, p)
	if err != nil {
		return nil, err
	}
	if want.blocked != "" {
		return nil, runs.Public(nil, want.blocked, explain(want.blocked))
	}
	if e.ReportOnly || e.Decision == Create && w.endangers(e, want, nil) {
		if err := want.disarm(e); err != nil {
			return nil, err
		}
	}
	t := &task{entry: e, want: want}
	t.writer, err = w.writerOf(e, p.Path, p.Parent, want.content, want.provided)
	return t, err
}

// identify opens what was captured of an item, and notes what it is known by.
func (w *execution) identify(ctx context.Context, e *entry) (*backup.Payload, error) {
	p, err := w.payload(ctx, e)
	if err != nil {
		return nil, damaged(err)
	}
	if e.summary, err = e.typ.Summarize(p.Content); err != nil {
		return nil, damaged(err)
	}
	e.summary.OData = p.OData
	e.id = e.typ.IdentityOf(p.Content, e.summary)
	return p, nil
}

// write carries out the restore: objects by their tiers, then the assignments of
// all of them. What has become of it is looked at meanwhile, as far as it can be
// seen by then, and else afterwards.
func (w *execution) write(ctx context.Context) error {
	if err := w.x.Authorize(ctx, runs.ActionRestore); err != nil {
		return err
	}
	if err := w.fence(ctx); err != nil {
		return err
	}
	if err := w.leaveAll(ctx); err != nil {
		return err
	}
	if err := w.leaveSame(ctx); err != nil {
		return err
	}
	if err := w.number(ctx); err != nil {
		return err
	}
	if err := w.lookAround(ctx); err != nil {
		return err
	}
	phases := []struct {
		from, to Step
		do       func(ctx context.Context, e *entry) (bool, error)
	}{
		{Planned, Written, w.object},
		{Written, Assigned, w.assignments},
	}
	for _, phase := range phases {
		if err := w.x.Authorize(ctx, runs.ActionRestore); err != nil {
			return err
		}
		for _, tier := range w.tiers(phase.from == Planned) {
			if phase.from == Planned {
				if err := w.reconcileAll(ctx, tier); err != nil {
					return err
				}
			}
			if err := w.inOrder(ctx, tier, phase.do); err != nil {
				return err
			}
		}
		if err := w.glanceRest(ctx); err != nil {
			return err
		}
	}
	if err := w.verify(ctx); err != nil {
		return err
	}
	if len(w.waiting) > 0 {
		return w.x.Park(slices.Min(w.waiting), w.reason)
	}
	return w.conclude(ctx)
}

// tiers returns the items that are to be written by the order of their kinds. With
// serial, those of a kind whose writes move each other come one by one, after the
// others of their order.
func (w *execution) tiers(serial bool) [][]*entry {
	var tiers [][]*entry
	for items := w.items; len(items) > 0; {
		n := slices.IndexFunc(items, func(e *entry) bool { return e.tier() != items[0].tier() })
		if n < 0 {
			n = len(items)
		}
		var together, single []*entry
		for _, e := range items[:n] {
			switch {
			case e.Step == Done:
			case serial && e.typ.Write.Serial != "":
				single = append(single, e)
			default:
				together = append(together, e)
			}
		}
		if len(together) > 0 {
			tiers = append(tiers, together)
		}
		slices.SortStableFunc(single, func(a, b *entry) int { return a.serial - b.serial })
		for _, e := range single {
			tiers = append(tiers, []*entry{e})
		}
		items = items[n:]
	}
	return tiers
}

// number notes where the items come that are written one by one.
func (w *execution) number(ctx context.Context) error {
	for _, e := range w.items {
		if e.Step == Done || e.typ.Write.Serial == "" {
			continue
		}
		p, err := w.payload(ctx, e)
		if err != nil {
			return damaged(err)
		}
		// One that says nothing comes first.
		e.serial, _ = strconv.Atoi(string(contract.Member(p.Content, e.typ.Write.Serial)))
	}
	return nil
}

// writeParallel is how many items are written at a time. The target paces the
// requests by the limits of their services.
const writeParallel = 16

// inOrder does something with items, those first that others depend on: do
// reports whether it has to wait for another one. What then still waits is in a
// circle, or waits for something that cannot be restored.
func (w *execution) inOrder(ctx context.Context, items []*entry, do func(ctx context.Context, e *entry) (bool, error)) error {
	for len(items) > 0 {
		deferred := make([]bool, len(items))
		g, gctx := parallel.WithContext(ctx)
		g.SetLimit(writeParallel)
		for i, e := range items {
			g.Go(func() error {
				var err error
				deferred[i], err = do(gctx, e)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
		var left []*entry
		for i, e := range items {
			if deferred[i] {
				left = append(left, e)
			}
		}
		if len(left) == len(items) && w.waits() {
			return nil // for an approval, say; the next attempt goes on
		}
		if len(left) == len(items) {
			for _, e := range left {
				if err := w.fail(ctx, e, Failed, ReasonPending, explain(ReasonPending)); err != nil {
					return err
				}
			}
			return nil
		}
		items = left
	}
	return nil
}

// waits reports whether anything has to be waited for.
func (w *execution) waits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting) > 0
}
