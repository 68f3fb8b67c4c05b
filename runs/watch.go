package runs

import "sync"

// A Watcher is a [Reader] that tells at once what changes in its process. A
// [Tracker] is one.
type Watcher interface {
	// Watch calls changed with each run that this process stores from now on,
	// as it was stored, until stop is called. The calls come on the goroutines
	// that stored it, several at a time, and not always in the order of the
	// revisions. changed must return at once and neither change nor keep r.
	// What other processes store it is not told of. A nil changed watches
	// nothing.
	Watch(changed func(r *Run)) (stop func())
}

var _ Watcher = (*Tracker)(nil)

// Watch implements [Watcher].
func (t *Tracker) Watch(changed func(r *Run)) (stop func()) {
	if changed == nil {
		return func() {}
	}
	w := &t.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	key := new(byte)
	if w.all == nil {
		w.all = make(map[*byte]func(r *Run))
	}
	w.all[key] = changed
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, key)
	}
}

// watchers are told of runs that this process has stored.
type watchers struct {
	mu      sync.Mutex
	waiting map[string][]chan struct{} // by run ID
	all     map[*byte]func(r *Run)
}

// on returns a channel that is closed at the next change of the run, and a
// function to call when it is no longer wanted.
func (w *watchers) on(id string) (changed <-chan struct{}, done func()) {
	c := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		w.waiting = make(map[string][]chan struct{})
	}
	w.waiting[id] = append(w.waiting[id], c)
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		left := w.waiting[id][:0:0]
		for _, other := range w.waiting[id] {
			if other != c {
				left = append(left, other)
			}
		}
		if w.waiting[id] = left; len(left) == 0 {
			delete(w.waiting, id)
		}
	}
}

// tell wakes those who wait for r and calls those who watch everything.
func (w *watchers) tell(r *Run) {
	w.mu.Lock()
	for _, c := range w.waiting[r.ID] {
		close(c)
	}
	delete(w.waiting, r.ID)
	var calls []func(r *Run)
	for _, changed := range w.all {
		calls = append(calls, changed)
	}
	w.mu.Unlock()
	for _, changed := range calls {
		changed(r)
	}
}
