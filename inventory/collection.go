package inventory

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/internal/parallel"
)

// A collection is a list under way, and the kinds that objects of it have.
type collection struct {
	*contract.Collection
	job   *job
	kinds map[string]*kind // those that are selected and not done
	pages int
	hasher
}

func newCollection(j *job, c *contract.Collection, kinds map[string]*kind) *collection {
	col := &collection{Collection: c, job: j, kinds: make(map[string]*kind)}
	for _, t := range c.Types {
		if k := kinds[t.Key]; k != nil {
			k.open++
			k.lists++
			col.kinds[t.Key] = k
		}
	}
	return col
}

// sync lists the collection and settles the kinds that it is the last one of.
// Its error means that the run cannot go on.
func (c *collection) sync(ctx context.Context) error {
	for _, k := range c.kinds {
		if err := k.begin(ctx); err != nil {
			return err
		}
	}
	listErr, err := c.list(ctx)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	absent := errors.Is(listErr, ErrNoCollection)
	for _, k := range c.kinds {
		k.update(func(cover *Coverage) { cover.Pages += c.pages })
		if listErr != nil && !absent {
			k.fail(fmt.Errorf("list %s: %w", c.Path, listErr))
		}
		if err := k.done(ctx, absent); err != nil {
			return err
		}
	}
	return nil
}

// Sizes of what is worked on at a time. A chunk fills four batches; two
// chunks of a collection are read while its next page is listed.
const (
	chunkWeight = 80
	chunkBytes  = 1 << 20
	chunksAhead = 2
)

// list reads the collection to its end. Its first error is why the list is
// not whole.
func (c *collection) list(ctx context.Context) (listErr, err error) {
	work, ctx := parallel.WithContext(ctx)
	work.SetLimit(chunksAhead)
	var next chunk
	flush := func() {
		full := next
		next = chunk{}
		if len(full.objects) == 0 {
			return
		}
		work.Go(func() error { return c.job.record(ctx, full) })
	}
	for page, err := range c.job.source.List(ctx, c.Collection) {
		if err != nil {
			listErr = err
			break
		}
		c.pages++
		for _, listed := range page.Objects {
			if o, ok := c.accept(listed); ok {
				next.add(o)
			}
			if next.weight >= chunkWeight || next.bytes >= chunkBytes {
				flush()
			}
		}
	}
	flush()
	return listErr, work.Wait()
}

// accept finds the kind of an object. It reports false for an object that is
// not wanted.
func (c *collection) accept(listed Listed) (object, bool) {
	k := c.kinds[c.classify(listed).Key]
	if k == nil || k.failed() {
		return object{}, false
	}
	o, ok, err := k.accept(c.List, listed, &c.hasher)
	if err != nil {
		k.lack(err)
		return object{}, false
	}
	return o, ok
}

// classify returns the type of an object: its own, or the collection's general
// one.
func (c *collection) classify(listed Listed) *contract.Type {
	if len(c.Types) == 1 {
		return c.Types[0]
	}
	return c.Classify(contract.Text(contract.Member(listed.Doc, "@odata.type")))
}

// A chunk is objects that are worked on together.
type chunk struct {
	objects []object
	weight  int // about how many requests they take
	bytes   int
}

func (c *chunk) add(o object) {
	c.objects = append(c.objects, o)
	c.weight += 1 + max(o.summary.Count, 0)/25
	c.bytes += len(o.want.Object.Doc)
}
