package graphclient

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	firstBackoff   = time.Second
	longestBackoff = 30 * time.Second

	// A client starts with budgetFull repetitions and earns budgetEarn more
	// with every request, so that an outage is not answered with a multiple of
	// the usual load.
	budgetFull = 50
	budgetEarn = 0.2

	serverErrorTries = 3 // how often a request is sent that is answered 500
	badResponseTries = 2 // how often one is whose answer is none
)

// A budget bounds how many requests of a client are repetitions.
type budget struct {
	mu   sync.Mutex
	left float64
}

func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = min(budgetFull, b.left+budgetEarn)
}

// spend reports whether there is a repetition left, and takes it.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// tries is what was tried for one request so far.
type tries struct {
	sent    int    // attempts that reached a connection
	failed  int    // attempts that were repeated for their own sake
	renewed bool   // the token was renewed
	claimed bool   // a claims challenge was answered
	refused Secret // the token that Graph refused last
	unclear bool   // an attempt of a write may have taken effect
	last    *Error // why the request is being repeated
}

// A step is what to do after a failed attempt.
type step struct {
	again bool
	wait  time.Duration
	first bool // ahead of those who wait for the limiter
}

// after decides what follows an attempt that ended with e: the retry table.
// repeatable says that the request may be sent twice, maxTries how often it is
// sent at most.
func (t *tries) after(e *Error, repeatable bool, maxTries int) step {
	switch e.Reason {
	case ErrThrottled:
		// The limiter has the wait. A 429 that was applied all the same has been
		// seen once in a batch; [Request.Once] is for those who can notice.
		return step{again: true, first: true}
	case ErrUnauthenticated:
		return step{again: t.renew(e)}
	case ErrUnreachable, ErrBadResponse:
	default:
		return step{}
	}
	if e.final || !repeatable && e.sent {
		return step{}
	}
	if e.Status >= 300 && e.Status < 400 {
		return step{} // a redirect will be one the next time too
	}
	switch {
	case e.Reason == ErrBadResponse:
		maxTries = min(maxTries, badResponseTries)
	case e.Status == http.StatusInternalServerError:
		maxTries = min(maxTries, serverErrorTries)
	}
	if t.failed++; t.failed >= maxTries {
		return step{}
	}
	return step{again: true, wait: backoff(t.failed, e.RetryAfter)}
}

// renew reports whether another token may help, which it may once, and once
// more if Graph then names the claims that it wants.
func (t *tries) renew(e *Error) bool {
	switch {
	case e.Status != http.StatusUnauthorized:
		return false // there was no token to begin with
	case e.Claims != "" && !t.claimed:
		t.claimed = true
	case e.Claims == "" && !t.renewed:
		t.renewed = true
	default:
		return false
	}
	return true
}

// backoff returns how long to wait before the nth repetition.
func backoff(n int, asked time.Duration) time.Duration {
	d := min(longestBackoff, firstBackoff<<min(n-1, 10))
	return max(asked, d/2) + time.Duration(rand.Float64()*float64(d/2))
}

// sleep waits for d. It does not begin to if ctx ends sooner.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
