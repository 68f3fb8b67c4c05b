package graphclient_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
)

// readsOf returns requests for so many objects.
func readsOf(n int) []graphclient.Request {
	reqs := make([]graphclient.Request, n)
	for i := range reqs {
		reqs[i] = graphclient.Request{Path: fmt.Sprintf("%s/%d", listPath, i)}
	}
	return reqs
}

// A list goes on while batches wait: what is to be read next is in it.
func TestListsGoBeforeBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pages = 10
		page := 0
		client := newClient(t, transportFunc(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "$batch") {
				return answer(200, answerParts(partIDs(r), func(string) string { return `{"status":200,"body":{}}` })), nil
			}
			if page++; page == pages {
				return answer(200, `{"value":[{"id":"x"}]}`), nil
			}
			return answer(200, fmt.Sprintf(`{"value":[{"id":"x"}],"@odata.nextLink":"https://%s%s?page=%d"}`, r.URL.Host, r.URL.Path, page)), nil
		}), nil)
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		for range 4 {
			work.Go(func() {
				for range client.Batch(ctx, readsOf(1000)) {
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		for _, err := range client.Pages(t.Context(), graphclient.Request{Path: listPath}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > pages*450*time.Millisecond { // a batch is 421 ms
			t.Errorf("%d pages took %v, want no longer than a batch each", pages, took)
		}
		cancel()
		work.Wait()
	})
}

// Writes that wait between batches of reads are as many as without those, and
// nothing is ever over a limit.
func TestWritesAmongBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var writes, all []time.Time
		client := newClient(t, transportFunc(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			now := time.Now()
			if r.Method == http.MethodPatch {
				writes, all = append(writes, now), append(all, now)
				mu.Unlock()
				time.Sleep(200 * time.Millisecond)
				return answer(200, `{}`), nil
			}
			ids := partIDs(r)
			for range ids {
				all = append(all, now)
			}
			mu.Unlock()
			time.Sleep(200 * time.Millisecond)
			return answer(200, answerParts(ids, func(string) string { return `{"status":200,"body":{}}` })), nil
		}), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Second)
		defer cancel()
		var work sync.WaitGroup
		for range 8 {
			work.Go(func() {
				for ctx.Err() == nil {
					_, _ = client.Do(ctx, graphclient.Request{Method: http.MethodPatch, Path: listPath + "/1"})
				}
			})
		}
		work.Go(func() {
			for ctx.Err() == nil {
				for range client.Batch(ctx, readsOf(100)) {
				}
				time.Sleep(3 * time.Second) // between bursts nothing but writes
			}
		})
		work.Wait()
		if n := len(writes); n < 930 {
			t.Errorf("%d writes in 200 s, want the 950 of the limiter's share, or nearly", n)
		}
		for name, c := range map[string]struct {
			times []time.Time
			limit int
		}{"writes": {writes, 100}, "requests": {all, 1000}} {
			for i := range c.times {
				if j := i + c.limit; j < len(c.times) && c.times[j].Sub(c.times[i]) < 20*time.Second {
					t.Fatalf("%d %s within %v", c.limit+1, name, c.times[j].Sub(c.times[i]))
				}
			}
		}
	})
}
