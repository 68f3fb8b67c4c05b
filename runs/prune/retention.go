package prune

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

const day = 24 * time.Hour

// What zero values of a [Retention] mean.
const (
	DefaultKeep = 90 * day
	DefaultOnce = 7 * day
)

// A Retention says how long runs are kept, from when they were completed.
type Retention struct {
	// Keep is for the runs for which no rule says otherwise. 0 means
	// [DefaultKeep], negative means for good.
	Keep time.Duration

	// Rules say otherwise. Of those that match a run, the one counts that names
	// the most of tenant, type and outcome; among equals, the first.
	Rules []Rule

	// Once is how long a run that has a Once is kept at least, whatever else is
	// said: until it goes, the same request joins it, and afterwards it would
	// be started again. So it must not be less than the longest time for which
	// a schedule catches up on slots that it missed, nor than clients may
	// repeat a request with its Idempotency-Key; nobody checks that here. 0
	// means [DefaultOnce], negative means for good.
	Once time.Duration
}

// A Rule is for the runs that have all of what it names, which must be
// something.
type Rule struct {
	Tenant  string       // empty means every tenant, also runs.SystemTenant
	Type    runs.Type    // empty means every type
	Outcome runs.Outcome // empty means every outcome

	// Keep is how long such runs are kept; negative means for good. It must not
	// be 0, so that nothing goes because a field was forgotten.
	Keep time.Duration
}

// Validate says what is wrong with r, if anything is.
func (r Retention) Validate() error {
	seen := map[Rule]int{}
	for i, rule := range r.Rules {
		if err := rule.validate(); err != nil {
			return fmt.Errorf("retention rule %d: %w", i+1, err)
		}
		rule.Keep = 0
		if first := seen[rule]; first > 0 {
			return fmt.Errorf("retention rule %d: names the same runs as rule %d", i+1, first)
		}
		seen[rule] = i + 1
	}
	return nil
}

func (r Rule) validate() error {
	if r.Tenant == "" && r.Type == "" && r.Outcome == "" {
		return errors.New("names no tenant, type or outcome; Retention.Keep is for all others")
	}
	if r.Type != "" {
		if err := r.Type.Validate(); err != nil {
			return err
		}
	}
	switch r.Outcome {
	case "", runs.OutcomeSucceeded, runs.OutcomePartiallySucceeded, runs.OutcomeFailed, runs.OutcomeCanceled, runs.OutcomeBlocked:
	default:
		return fmt.Errorf("there is no outcome %q", r.Outcome)
	}
	if r.Keep == 0 {
		return errors.New("does not say how long; negative means for good")
	}
	return nil
}

// completed returns r with its zero values filled in.
func (r Retention) completed() Retention {
	if r.Keep == 0 {
		r.Keep = DefaultKeep
	}
	if r.Once == 0 {
		r.Once = DefaultOnce
	}
	return r
}

// keep returns how long the run is kept; negative means for good.
func (r Retention) keep(e runs.EndedRun) time.Duration {
	keep, most := r.Keep, 0
	for _, rule := range r.Rules {
		if n, ok := rule.match(e); ok && n > most {
			keep, most = rule.Keep, n
		}
	}
	if e.Once != "" && keep >= 0 && (r.Once < 0 || r.Once > keep) {
		return r.Once
	}
	return keep
}

// match reports whether r is for the run, and how much of it r names.
func (r Rule) match(e runs.EndedRun) (named int, ok bool) {
	for _, f := range [][2]string{
		{r.Tenant, e.Tenant},
		{string(r.Type), string(e.Type)},
		{string(r.Outcome), string(e.Outcome)},
	} {
		switch f[0] {
		case "":
		case f[1]:
			named++
		default:
			return 0, false
		}
	}
	return named, true
}

// shortest returns the least time for which any run is kept, and whether there
// is one: else nothing is ever deleted.
func (r Retention) shortest() (keep time.Duration, ok bool) {
	keep, ok = r.Keep, r.Keep >= 0
	for _, rule := range r.Rules {
		if rule.Keep >= 0 && (!ok || rule.Keep < keep) {
			keep, ok = rule.Keep, true
		}
	}
	return keep, ok
}
