package inventory

import (
	"context"
	"errors"
	"fmt"
)

// record reads what there is to read of the objects, compares it with what is
// known and stores what is new. Its error means that the run cannot go on.
func (j *job) record(ctx context.Context, c chunk) error {
	p := put{job: j}
	var wants []Want
	var reading []object
	for _, o := range c.objects {
		if o.want.Content || o.want.Assignments {
			wants, reading = append(wants, o.want), append(reading, o)
			continue
		}
		if err := p.add(ctx, o, Reading{}); err != nil {
			return err
		}
	}
	if len(wants) > 0 {
		for i, r := range j.source.Read(ctx, wants) {
			if err := p.add(ctx, reading[i], r); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return p.flush(ctx)
}

// putBytes is how much content is written to the store at once, or a little
// more.
const putBytes = 1 << 20

// A put collects what one chunk writes.
type put struct {
	job     *job
	entries []Entry
	tallies []func() // report what the entries are, once they are stored
	bytes   int
	hasher
}

// add works out what an object is now.
func (p *put) add(ctx context.Context, o object, r Reading) error {
	k := o.kind
	k.update(func(c *Coverage) {
		c.ChildrenExpected += r.Expected
		c.ChildrenRead += r.Read
	})
	if errors.Is(r.Err, ErrGone) {
		k.vanished(o)
		return nil
	}
	if err := r.Problem(); err != nil {
		return k.reject(err)
	}
	found, err := p.job.compare(ctx, &o, r, &p.hasher)
	if err != nil {
		return k.reject(err)
	}
	p.tallies = append(p.tallies, func() { p.job.tally(k, found) })
	if found.write {
		p.entries = append(p.entries, found.entry)
		p.bytes += len(found.entry.Content) + len(found.entry.Assignments)
	}
	if p.bytes >= putBytes {
		return p.flush(ctx)
	}
	return nil
}

// flush stores what has been collected.
func (p *put) flush(ctx context.Context) error {
	if len(p.entries) > 0 {
		if err := p.job.cfg.Store.Put(ctx, p.job.sync, p.entries); err != nil {
			return fmt.Errorf("put: %w", err)
		}
	}
	for _, report := range p.tallies {
		report()
	}
	p.entries, p.tallies, p.bytes = nil, nil, 0
	return nil
}

// tally counts an object that is stored.
func (j *job) tally(k *kind, f found) {
	one := Coverage{Objects: 1, Warnings: f.warnings}
	switch {
	case f.isNew:
		one.New = 1
	case f.changed:
		one.Changed = 1
	default:
		one.Unchanged = 1
	}
	k.update(func(c *Coverage) {
		c.Objects += one.Objects
		c.New += one.New
		c.Changed += one.Changed
		c.Unchanged += one.Unchanged
		c.Warnings += one.Warnings
	})
	j.count(one)
}
