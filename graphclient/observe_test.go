package graphclient_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// Every attempt is told of once: what came of it, and how long the limiter held
// it back, which after a 429 is as long as Graph asked for.
func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := script(says(429, ``, "Retry-After: 5"), says(200, page("")), says(404, `{}`))
		var got []graphclient.Attempt
		c := newClient(t, svc, func(cfg *graphclient.Config) {
			cfg.Observe = func(a graphclient.Attempt) { got = append(got, a) }
		})
		for range 2 {
			_, _ = c.Do(t.Context(), graphclient.Request{Method: "GET", Path: listPath})
		}
		bucket := contract.BucketOf(listPath)
		want := []graphclient.Attempt{
			{Bucket: bucket, Status: 429, Reason: graphclient.ErrThrottled, Throttled: 1},
			{Bucket: bucket, Status: 200},
			{Bucket: bucket, Status: 404, Reason: graphclient.ErrNotFound},
		}
		var waits []time.Duration
		for i := range got {
			waits = append(waits, got[i].Wait.Truncate(time.Second))
			got[i].Wait = 0
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if diff := cmp.Diff([]time.Duration{0, 5 * time.Second, 0}, waits); diff != "" {
			t.Errorf("waits (-want +got)\n%s", diff)
		}
	})
}
