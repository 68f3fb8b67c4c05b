package graphtest

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// serviceBucket is the limit of an Intune service without a Limits.Buckets
// entry of its own.
var serviceBucket = Bucket{Writes: 100, AllWrites: 200, Any: 1000, All: 2000} // read-only

// bucketOf is the limit behind a bucket name.
func (l *Limits) bucketOf(name string) Bucket {
	if b, ok := l.Buckets[name]; ok {
		return b
	}
	switch name {
	case "devices":
		return Bucket{Writes: 200, AllWrites: 400, Any: 2000, All: 4000}
	case "identity":
		return Bucket{Window: 10 * time.Second, Any: 3500}
	case "identity-writes":
		return Bucket{Window: 150 * time.Second, Writes: 3000}
	case "ca":
		return Bucket{Window: time.Second, All: 1, NoRetryAfter: true}
	case "global":
		return Bucket{Window: 10 * time.Second, Any: 130_000}
	}
	return serviceBucket
}

func (l *Limits) scaled(n int) int {
	if n <= 0 || l.Scale <= 0 {
		return max(n, 0)
	}
	return max(1, int(math.Round(float64(n)*l.Scale)))
}

// A throttle counts requests by bucket.
type throttle struct {
	mu      sync.Mutex
	limits  *Limits
	windows map[string]*window
}

// A window holds the times of the newest requests, as many as may come within
// its length: the oldest of them says whether one more may.
type window struct {
	at   []time.Time
	next int
	full bool
}

// count adds units requests at now and returns how long until they would pass.
func (w *window) count(now time.Time, length time.Duration, limit, units int) time.Duration {
	if len(w.at) != limit {
		w.at, w.next, w.full = make([]time.Time, limit), 0, false
	}
	var wait time.Duration
	for range min(units, limit) {
		if w.full {
			wait = max(wait, w.at[w.next].Add(length).Sub(now))
		}
		w.at[w.next] = now
		w.next++
		if w.next == limit {
			w.next, w.full = 0, true
		}
	}
	return wait
}

func (th *throttle) set(l *Limits) {
	th.mu.Lock()
	defer th.mu.Unlock()
	th.limits, th.windows = l, make(map[string]*window)
}

// A verdict of the throttle: how long to wait, by which limit.
type verdict struct {
	wait   time.Duration
	bucket Bucket
	name   string
	units  int
}

// take counts one request everywhere it counts. A request over one limit is
// still counted in all of them.
func (th *throttle) take(c *call, name string, write bool, units int) verdict {
	th.mu.Lock()
	defer th.mu.Unlock()
	v := verdict{name: name, units: units}
	if th.limits == nil {
		return v
	}
	v.bucket = th.limits.bucketOf(name)
	count := func(key string, length time.Duration, limit, units int) {
		limit = th.limits.scaled(limit)
		if limit == 0 {
			return
		}
		if length == 0 {
			length = 20 * time.Second
		}
		w := th.windows[key]
		if w == nil {
			w = &window{}
			th.windows[key] = w
		}
		v.wait = max(v.wait, w.count(c.now, length, limit, units))
	}
	b, app, tenant := v.bucket, c.token.client, c.tenant.id
	count("any\x00"+name+"\x00"+tenant+"\x00"+app, b.Window, b.Any, units)
	count("all\x00"+name+"\x00"+tenant, b.Window, b.All, units)
	if write {
		if name == "identity" {
			b = th.limits.bucketOf("identity-writes")
		}
		count("writes\x00"+name+"\x00"+tenant+"\x00"+app, b.Window, b.Writes, 1)
		count("allwrites\x00"+name+"\x00"+tenant, b.Window, b.AllWrites, 1)
	}
	g := th.limits.bucketOf("global")
	count("global\x00"+app, g.Window, g.Any, 1)
	return v
}

// limit throttles the call. nil lets it pass.
func (c *call) limit() *answer {
	name := "other"
	if c.route.root != nil {
		name = c.route.root.bucket
	}
	units := 1
	if name == "identity" {
		units = c.resourceUnits()
	}
	v := c.srv.throttle.take(c, name, c.write(), units)
	if v.wait <= 0 {
		return nil
	}
	a := c.throttled(c.srv.throttle.retryAfter(v, c.now))
	if name == "identity" {
		a.set("x-ms-resource-unit", strconv.Itoa(units)).
			set("x-ms-throttle-scope", "Tenant_Application/ReadWrite/"+c.token.client+"/"+c.tenant.id).
			set("x-ms-throttle-information", "ResourceUnitLimitExceeded").
			set("x-ms-throttle-limit-percentage", "1.1")
	}
	return a
}

// retryAfter is the header of a 429, "" for none.
func (th *throttle) retryAfter(v verdict, now time.Time) string {
	th.mu.Lock()
	kind := th.limits.RetryAfter
	th.mu.Unlock()
	if v.bucket.NoRetryAfter {
		return ""
	}
	switch kind {
	case RetryAfterFraction:
		return strconv.FormatFloat(v.wait.Seconds(), 'f', 3, 64)
	case RetryAfterZero:
		return "0"
	case RetryAfterDate:
		return now.Add(v.wait + time.Second - 1).UTC().Format(http.TimeFormat)
	case RetryAfterAbsent:
		return ""
	case RetryAfterHuge:
		return "1000000000"
	default:
		return strconv.Itoa(int(math.Ceil(v.wait.Seconds())))
	}
}

// resourceUnits is the cost of a directory request.
// Source: graph.md section 3.1, RU costs.
func (c *call) resourceUnits() int {
	units := 1
	switch c.class() {
	case "users", "users/{id}":
		units = 2
	case "groups/{id}/members":
		units = 3
	}
	if len(c.opts.sel) > 0 {
		units--
	}
	if len(c.opts.expand) > 0 {
		units++
	}
	if c.opts.top > 0 && c.opts.top < 20 {
		units--
	}
	return max(units, 1)
}
