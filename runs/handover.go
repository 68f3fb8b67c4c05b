package runs

import (
	"sync"
	"time"
)

// handover knows which runs this process has offered to its own worker and not
// claimed yet, and passes their rows to the claim, so that it need not read
// them again. A row that is stale by then makes the claim conflict, and the
// worker reads after all.
type handover struct {
	mu   sync.Mutex
	rows map[string]*Run
	ring [handoverSize]string // the IDs in the order in which they came
	next int
}

const (
	handoverSize = 4096
	handoverMax  = 4 << 10 // bytes of the rows that are held
)

// weight is about how many bytes r refers to.
func (r *Run) weight() int {
	n := len(r.Params) + len(r.Failures)*64
	for k, v := range r.Context {
		n += len(k) + len(v)
	}
	return n
}

// put remembers r until it is taken or until handoverSize others came after it.
func (h *handover) put(r *Run) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rows == nil {
		h.rows = make(map[string]*Run)
	}
	if _, again := h.rows[r.ID]; !again {
		delete(h.rows, h.ring[h.next])
		h.ring[h.next] = r.ID
		h.next = (h.next + 1) % handoverSize
	}
	h.rows[r.ID] = nil
	if r.weight() <= handoverMax {
		h.rows[r.ID] = r.Clone()
	}
}

// take forgets the run and returns its row, or nil.
func (h *handover) take(id string) *Run {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.rows[id]
	delete(h.rows, id)
	return r
}

// has reports whether the run was offered and not claimed yet.
func (h *handover) has(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.rows[id]
	return ok
}

func (h *handover) len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.rows)
}

// A textSet is a set of IDs that something is under way for.
type textSet struct {
	mu  sync.Mutex
	ids map[string]struct{}
}

// enter adds id and reports whether it was not there.
func (s *textSet) enter(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.ids[id]; there {
		return false
	}
	if s.ids == nil {
		s.ids = make(map[string]struct{})
	}
	s.ids[id] = struct{}{}
	return true
}

func (s *textSet) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.ids, id)
}

// lanes remembers for a while which lanes were found busy, so that not everyone
// who waits for one asks the store.
type lanes struct {
	mu   sync.Mutex
	till map[laneKey]time.Time
}

type laneKey struct{ tenant, lane string }

// laneMemory is for how long a busy lane is believed to be. It may become free
// in another process, which cannot say so.
const laneMemory = 5 * time.Second

func (l *lanes) busy(r *Run) bool {
	if r.Lane == "" {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	key := laneKey{r.Tenant, r.Lane}
	till, known := l.till[key]
	if known && time.Until(till) <= 0 {
		delete(l.till, key)
		return false
	}
	return known
}

func (l *lanes) occupy(r *Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.till == nil || len(l.till) >= 4096 {
		l.till = make(map[laneKey]time.Time) // to forget costs a question to the store
	}
	l.till[laneKey{r.Tenant, r.Lane}] = time.Now().Add(laneMemory) //nolint:forbidigo // monotonic, for this process only
}

func (l *lanes) free(r *Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.till, laneKey{r.Tenant, r.Lane})
}
