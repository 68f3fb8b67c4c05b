package bunkit

import (
	"context"
	"math/rand/v2"
	"time"
)

// Attempts is how often [Retry] calls its function at most.
const Attempts = 5

// Retry calls op until it returns anything but a [Transient] error, at most
// five times, and returns what the last call returned. It waits in between,
// about 5 ms first and twice as long each time, unless ctx ends; then it
// returns the transient error.
//
// Op must be a whole transaction. Inside a caller's transaction there is
// nothing to retry: the caller's would have to be.
func Retry(ctx context.Context, op func(context.Context) error) error {
	wait := 5 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := op(ctx)
		if attempt == Attempts || !Transient(err) {
			return err
		}
		// Writers that collided would collide again if they waited
		// equally long: half of it is chance.
		timer := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		wait *= 2
	}
}
