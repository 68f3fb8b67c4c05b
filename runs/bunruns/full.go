package bunruns

import (
	"maps"
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A fullness remembers which outcomes have more runs than are counted. It is safe
// for concurrent use; nil remembers nothing.
type fullness struct {
	mu  sync.Mutex
	all map[stretch]time.Time // until when that is believed
}

// A stretch is what a count looks at up to a limit.
type stretch struct {
	tenant string
	stage  stage
	limit  int
}

const (
	// fullFor is how late it may be seen that another process has deleted runs.
	fullFor = time.Minute

	// maxFull is how many stretches are remembered.
	maxFull = 10_000
)

// is reports whether the stage was full lately.
func (f *fullness) is(tenant string, at stage, limit int) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	until, ok := f.all[stretch{tenant, at, limit}]
	return ok && time.Now().Before(until) //nolint:forbidigo // monotonic, for this process only
}

// note remembers that n runs were counted, if that is as far as counting goes and
// the runs stay there.
func (f *fullness) note(tenant string, at stage, limit, n int) {
	if f == nil || n < limit || limit < maxLook || at.status != runs.StatusCompleted {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil || len(f.all) >= maxFull {
		f.all = make(map[stretch]time.Time)
	}
	f.all[stretch{tenant, at, limit}] = time.Now().Add(fullFor) //nolint:forbidigo // monotonic, for this process only
}

// forget forgets what it knows of tenants, when runs of them were deleted.
func (f *fullness) forget(refs []runs.Ref) {
	if f == nil {
		return
	}
	tenants := make(map[string]bool)
	for _, ref := range refs {
		tenants[ref.Tenant] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.all, func(s stretch, _ time.Time) bool { return tenants[s.tenant] })
}
