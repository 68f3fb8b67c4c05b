package bunruns

import (
	"sync"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// A fullness remembers which outcomes of a tenant have more runs than are counted.
// It is safe for concurrent use; nil remembers nothing.
type fullness struct {
	mu  sync.Mutex
	all map[string]map[stage]mark // by tenant
}

// A mark says up to which limit a stage was full, and until when that is believed.
type mark struct {
	limit int
	until time.Time
}

const (
	// fullFor is how late it may be seen that another process has deleted runs.
	fullFor = time.Minute

	// maxFull is how many tenants are remembered.
	maxFull = 10_000
)

// is reports whether the stage was full lately.
func (f *fullness) is(tenant string, at stage, limit int) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	m, ok := f.all[tenant][at]
	return ok && limit <= m.limit && time.Now().Before(m.until) //nolint:forbidigo // monotonic, for this process only
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
		f.all = make(map[string]map[stage]mark)
	}
	if f.all[tenant] == nil {
		f.all[tenant] = make(map[stage]mark)
	}
	f.all[tenant][at] = mark{limit, time.Now().Add(fullFor)} //nolint:forbidigo // monotonic, for this process only
}

// forget forgets what it knows of the tenants of runs that were deleted.
func (f *fullness) forget(refs []runs.Ref) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, ref := range refs {
		delete(f.all, ref.Tenant)
	}
}
