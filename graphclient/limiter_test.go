package graphclient_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A strictService counts requests like Graph does, refused ones too, and
// refuses those over the limit in any window of the given length.
type strictService struct {
	window  time.Duration
	limit   int
	latency time.Duration

	mu      sync.Mutex
	times   []time.Time
	refused int
}

func (s *strictService) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(s.latency)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	n := len(s.times) - sort.Search(len(s.times), func(i int) bool { return now.Sub(s.times[i]) < s.window })
	s.times = append(s.times, now)
	if n >= s.limit {
		s.refused++
		return answer(429, `{}`, "Retry-After: 10"), nil
	}
	return answer(200, `{}`), nil
}

// A hundred callers get nine tenths of the published limit and never a 429.
func TestPaceIsJustBelowTheLimit(t *testing.T) {
	for _, c := range []struct {
		method, path string
		limit        int
		window       time.Duration
	}{
		{"GET", listPath, 1000, 20 * time.Second},
		{"PATCH", listPath + "/1", 100, 20 * time.Second},
		{"GET", "/deviceManagement/deviceManagementScripts", 2000, 20 * time.Second},
		{"GET", "/identity/conditionalAccess/policies", 1, time.Second},
	} {
		t.Run(c.method+c.path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := contract.BucketOf(c.path).Limit(); got.Window != c.window {
					t.Fatalf("the bucket of %s is not the one that this test is about", c.path)
				}
				svc := &strictService{window: c.window, limit: c.limit, latency: 80 * time.Millisecond}
				client := newClient(t, svc, nil)
				ctx, cancel := context.WithTimeout(t.Context(), 10*c.window)
				defer cancel()
				var wg sync.WaitGroup
				for range 100 {
					wg.Go(func() {
						for ctx.Err() == nil {
							_, _ = client.Do(ctx, graphclient.Request{Method: c.method, Path: c.path})
						}
					})
				}
				wg.Wait()
				if svc.refused > 0 {
					t.Errorf("%d requests were refused", svc.refused)
				}
				if got, want := len(svc.times), 10*c.limit*9/10; got < want {
					t.Errorf("%d requests in ten windows, want at least %d", got, want)
				}
			})
		})
	}
}

// Batches are paced by their parts.
func TestPaceOfBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var times []time.Time // of parts
		rt := transportFunc(func(r *http.Request) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond)
			ids := partIDs(r)
			mu.Lock()
			defer mu.Unlock()
			for range ids {
				times = append(times, time.Now())
			}
			return answer(200, answerParts(ids, func(string) string { return `{"status":200,"body":{}}` })), nil
		})
		reqs := make([]graphclient.Request, 3000)
		for i := range reqs {
			reqs[i] = graphclient.Request{Path: fmt.Sprintf("%s/%d", listPath, i)}
		}
		start := time.Now()
		for i, r := range newClient(t, rt, nil).Batch(t.Context(), reqs) {
			if r.Err != nil {
				t.Fatal(i, r.Err)
			}
		}
		if took, ideal := time.Since(start), 60*time.Second; took > ideal*10/9 {
			t.Errorf("3,000 parts took %v, want at most %v", took, ideal*10/9)
		}
		for i := range times {
			if j := i + 1000; j < len(times) && times[j].Sub(times[i]) < 20*time.Second {
				t.Fatalf("1,001 parts within %v", times[j].Sub(times[i]))
			}
		}
	})
}

// Ten minutes of refusals: the requests survive them, and few are sent.
func TestStorm(t *testing.T) {
	for name, header := range map[string]string{"without a time": "", "in a second": "Retry-After: 1", "at once": "Retry-After: 0"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end := time.Now().Add(10 * time.Minute)
				var storm, calm atomic.Int32
				rt := transportFunc(func(*http.Request) (*http.Response, error) {
					time.Sleep(300 * time.Millisecond)
					if time.Now().After(end) {
						calm.Add(1)
						return answer(200, `{}`), nil
					}
					storm.Add(1)
					if header != "" {
						return answer(429, ``, header), nil
					}
					return answer(429, ``), nil
				})
				client := newClient(t, rt, nil)
				var wg sync.WaitGroup
				for range 200 {
					wg.Go(func() {
						if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				most := int32(40) // 300 ms at full pace, then 1, 2, 4, … 60, 60, … seconds apart
				if header == "Retry-After: 1" {
					most = 600
				}
				if n := storm.Load(); n > most {
					t.Errorf("%d requests during the storm, want at most %d", n, most)
				}
				if n := calm.Load(); n != 200 {
					t.Errorf("%d requests after the storm, want one each", n)
				}
				if late := time.Since(end); late > 90*time.Second {
					t.Errorf("recovered %v after the storm", late)
				}
			})
		})
	}
}

// After a pause one request goes alone until one is answered, whatever becomes
// of those before it.
func TestOneGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(2 * time.Second)
		var alone, under atomic.Int32
		rt := transportFunc(func(*http.Request) (*http.Response, error) {
			if time.Now().Before(end) {
				return answer(429, ``, "Retry-After: 10"), nil
			}
			n := under.Add(1)
			defer under.Add(-1)
			nth := alone.Add(1)
			time.Sleep(time.Second)
			if nth <= 3 {
				if n != 1 || under.Load() != 1 {
					t.Errorf("request %d after the pause was not alone", nth)
				}
				return nil, errors.New("reset")
			}
			return answer(200, `{}`), nil
		})
		client := newClient(t, rt, nil)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

// A refusal may be older than the pause after another one, and than the answer
// that has ended it.
func TestRefusalComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late, early atomic.Int32
		rt := transportFunc(func(r *http.Request) (*http.Response, error) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/late") && late.Add(1) == 1:
				time.Sleep(10 * time.Second)
				return answer(429, ``), nil
			case strings.HasSuffix(r.URL.Path, "/early") && early.Add(1) == 1:
				return answer(429, ``), nil
			}
			return answer(200, `{}`), nil
		})
		client := newClient(t, rt, nil)
		begun := time.Now()
		var wg sync.WaitGroup
		for _, name := range []string{"/late", "/early"} {
			wg.Go(func() {
				if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath + name}); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Second)
		}
		wg.Wait()
		if took := time.Since(begun); took < 11*time.Second || took > 13*time.Second {
			t.Errorf("both are answered after %v, want a second's pause after the late refusal", took)
		}
	})
}

// Patience ends; then the requests that wait are told, and new ones at once.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, err := graphclient.NewLimiter(graphclient.LimiterConfig{Patience: 5 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		svc := script(says(429, ``))
		client := newClient(t, svc, func(c *graphclient.Config) { c.Limiter = limiter })
		start := time.Now()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				_, err := client.Do(t.Context(), graphclient.Request{Path: listPath})
				if !errors.Is(err, graphclient.ErrThrottled) {
					t.Errorf("got %v, want it throttled", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took < 3*time.Minute || took > 6*time.Minute {
			t.Errorf("gave up after %v", took)
		}
		before, start := svc.count(), time.Now()
		_, err = client.Do(t.Context(), graphclient.Request{Path: listPath})
		if e := errorOf(t, err); e.Reason != graphclient.ErrThrottled || e.RetryAfter <= 0 || svc.count() != before || time.Since(start) > 0 {
			t.Errorf("a later request: got %v, RetryAfter %v, %d requests, %v", err, e.RetryAfter, svc.count()-before, time.Since(start))
		}
	})
}

// A request that wants to be sent once ends with the first refusal. It is the
// next one that waits.
func TestRefusedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := script(says(429, ``, "Retry-After: 5"), says(200, `{}`))
		client := newClient(t, svc, nil)
		start := time.Now()
		_, err := client.Do(t.Context(), graphclient.Request{Method: "POST", Path: listPath, Body: []byte(`{}`), Once: true})
		if e := errorOf(t, err); e.Reason != graphclient.ErrThrottled || e.Attempts != 1 || svc.count() != 1 || time.Since(start) > time.Second {
			t.Errorf("got %v after %d requests and %v, want it throttled after one and at once", err, svc.count(), time.Since(start))
		}
		if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil || time.Since(start) < 5*time.Second {
			t.Errorf("the next request: %v after %v, want no error after 5 s", err, time.Since(start))
		}
	})
}

// A 429 stops its bucket in its tenant, and nothing else.
func TestOneBucketOfOneTenantPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, err := graphclient.NewLimiter(graphclient.LimiterConfig{})
		if err != nil {
			t.Fatal(err)
		}
		rt := transportFunc(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("X-Tenant") == "0" && strings.HasSuffix(r.URL.Path, "/configurationPolicies") {
				return answer(429, ``, "Retry-After: 60"), nil
			}
			return answer(200, `{}`), nil
		})
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 10 {
			client := newClient(t, rt, func(c *graphclient.Config) { c.Limiter, c.Tenant = limiter, fmt.Sprintf("tenant-%d", i) })
			for _, path := range []string{listPath, "/deviceManagement/intents"} {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
					defer cancel()
					for range 100 {
						_, err := client.Do(ctx, graphclient.Request{Path: path, Header: http.Header{"X-Tenant": {fmt.Sprint(i)}}})
						if stopped := i == 0 && path == listPath; stopped != (err != nil) {
							t.Errorf("tenant %d, %s: got %v", i, path, err)
						}
						if err != nil {
							return
						}
					}
					if took := time.Since(start); took > 3*time.Second {
						t.Errorf("tenant %d, %s: took %v", i, path, took)
					}
				})
			}
		}
		wg.Wait()
	})
}

// After a refusal the bucket is slower for a while, then as fast as before.
func TestPaceRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		svc := &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
			times = append(times, time.Now())
			if n >= 20 && n < 23 {
				return answer(429, ``, "Retry-After: 5"), nil
			}
			return answer(200, `{}`), nil
		}}
		client := newClient(t, svc, nil)
		for range 4000 {
			if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
				t.Fatal(err)
			}
		}
		rate := func(from, to int) float64 { return float64(to-from) / times[to].Sub(times[from]).Seconds() }
		if r := rate(30, 80); r > 36 {
			t.Errorf("%.1f requests a second after three refusals, want fewer than before", r)
		}
		if r := rate(3000, 4000); r < 45 || r > 50 {
			t.Errorf("%.1f requests a second in the end, want 47.5", r)
		}
	})
}

// Graph's own figures slow us down before it refuses.
func TestThrottleHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		header   string
		min, max float64 // requests a second of 116.7 · 0.95
	}{
		"none":         {"X-None: 1", 105, 115},
		"half":         {"x-ms-throttle-limit-percentage: 0.5", 105, 115},
		"over":         {"x-ms-throttle-limit-percentage: 1.6", 10, 60},
		"three units":  {"x-ms-resource-unit: 3", 30, 40},
		"not a number": {"x-ms-resource-unit: lots", 105, 115},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, script(says(200, `{}`, c.header)), nil)
				start := time.Now()
				const n = 1000
				for range n {
					if _, err := client.Do(t.Context(), graphclient.Request{Path: "/groups"}); err != nil {
						t.Fatal(err)
					}
				}
				if r := n / time.Since(start).Seconds(); r < c.min || r > c.max {
					t.Errorf("%.1f requests a second, want %.0f to %.0f", r, c.min, c.max)
				}
			})
		})
	}
}

// Whoever leaves the queue costs those behind nothing.
func TestCanceledWaitersDoNotHoldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, script(says(200, `{}`)), nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 5000 {
			wg.Go(func() { _, _ = client.Do(ctx, graphclient.Request{Method: "POST", Path: listPath}) })
		}
		time.Sleep(time.Second)
		cancel()
		wg.Wait()
		start := time.Now()
		if _, err := client.Do(t.Context(), graphclient.Request{Method: "POST", Path: listPath}); err != nil || time.Since(start) > 300*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
	})
}

// Reads are not held up by writes that wait for the smaller limit.
func TestReadsPassWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, script(says(200, `{}`)), nil)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { _, _ = client.Do(ctx, graphclient.Request{Method: "POST", Path: listPath}) })
		}
		synctest.Wait()
		start := time.Now()
		for range 40 {
			if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took > 1100*time.Millisecond {
			t.Errorf("40 reads took %v", took)
		}
		cancel()
		wg.Wait()
	})
}

// Cancellation, refusals and faults at random leave the limiter able to work.
func TestLimiterSurvivesAnything(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			svc := &service{reply: func(int, *http.Request, string) (*http.Response, error) {
				switch rng.IntN(6) {
				case 0:
					return answer(429, ``), nil
				case 1:
					return answer(429, ``, "Retry-After: 3"), nil
				case 2:
					return nil, errors.New("broken")
				default:
					return answer(200, `{}`), nil
				}
			}}
			client := newClient(t, svc, nil)
			var wg sync.WaitGroup
			for range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(60_000))*time.Millisecond)
				defer cancel()
				wg.Go(func() { _, _ = client.Do(ctx, graphclient.Request{Path: listPath}) })
			}
			wg.Wait()
			svc.mu.Lock()
			svc.reply = func(int, *http.Request, string) (*http.Response, error) { return answer(200, `{}`), nil }
			svc.mu.Unlock()
			if _, err := client.Do(t.Context(), graphclient.Request{Path: listPath}); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		})
	}
}

func TestNewLimiterRefuses(t *testing.T) {
	for _, share := range []float64{-1, 1.01, 95} {
		if _, err := graphclient.NewLimiter(graphclient.LimiterConfig{Share: share}); err == nil {
			t.Errorf("a share of %v was accepted", share)
		}
	}
}
