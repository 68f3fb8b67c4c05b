package graphtest

import (
	"context"
	"encoding/base64"
	"hash/fnv"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A faultSet decides which requests fail.
type faultSet struct {
	mu    sync.Mutex
	seed  uint64
	list  []Fault
	seen  []int // matching requests, by fault
	times []int // hits, by fault
}

func (fs *faultSet) set(list []Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = append([]Fault(nil), list...)
	fs.seen, fs.times = make([]int, len(list)), make([]int, len(list))
}

// hit returns the fault that a call meets, or nil.
func (fs *faultSet) hit(c *call) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i := range fs.list {
		f := &fs.list[i]
		if f.Method != "" && !strings.EqualFold(f.Method, c.method) || !hasPrefix(c.path, f.Prefix) ||
			f.Paged && c.opts.skip == "" {
			continue
		}
		fs.seen[i]++
		if fs.seen[i] <= f.Skip || f.Times > 0 && fs.times[i] >= f.Times {
			continue
		}
		if f.Rate > 0 && chance(fs.seed, uint64(i), uint64(fs.seen[i])) >= f.Rate {
			continue
		}
		fs.times[i]++
		hit := *f
		return &hit
	}
	return nil
}

// chance is a number in [0,1) that depends on nothing but its arguments.
func chance(parts ...uint64) float64 {
	h := fnv.New64a()
	for _, p := range parts {
		var b [8]byte
		for i := range b {
			b[i] = byte(p >> (8 * i))
		}
		h.Write(b[:])
	}
	x := h.Sum64()
	x ^= x >> 33 // FNV alone leaves near seeds near
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}

// fails is the answer of a fault that replaces the real one, or nil.
func (c *call) fails(f *Fault) *answer {
	switch f.Kind {
	case FaultThrottle:
		return c.throttled(f.RetryAfter)
	case FaultUnavailable:
		return c.outage(f, http.StatusServiceUnavailable, "ServiceUnavailable", "The service is temporarily unavailable.")
	case FaultBadGatewayHTML:
		return &answer{status: http.StatusBadGateway, ctype: "text/html", body: []byte(badGatewayPage)}
	case FaultGatewayTimeout:
		return c.outage(f, http.StatusGatewayTimeout, "UnknownError", "")
	case FaultInternal:
		return c.outage(f, http.StatusInternalServerError, "InternalServerError", "An internal server error has occurred.")
	case FaultForbidden:
		var p perm
		if c.route.root != nil {
			p = c.route.root.perm
		}
		return c.forbidden(p.reads())
	case FaultConditional:
		return c.fail(http.StatusForbidden, "AccessDenied", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.")
	case FaultUnauthorized:
		return c.unauthorized("Lifetime validation failed, the token is expired.")
	case FaultClaims:
		return c.challenge(base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"0"}}}`)))
	case FaultNotFound:
		return c.notFound("")
	case FaultTopLevelMessage:
		return &answer{status: http.StatusBadRequest, body: []byte(`{"Message":"An error has occurred."}`)}
	case FaultReset:
		return &answer{damage: f}
	default: // it spoils the real one
		return nil
	}
}

const badGatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

func (c *call) outage(f *Fault, status int, code, message string) *answer {
	a := c.fail(status, code, message)
	if f.RetryAfter != "" {
		a.set("Retry-After", f.RetryAfter)
	}
	return a
}

// harm applies a fault that lets the request happen and spoils its answer.
func (a *answer) harm(f *Fault) {
	switch f.Kind {
	case FaultCutJSON:
		a.body, a.broken = a.body[:f.cut(len(a.body))], true
	case FaultEmptyBody:
		a.body = nil
	case FaultWrongType:
		a.ctype = "text/html"
	case FaultTruncate, FaultStall:
		a.damage = f
	default: // it has replaced the answer
	}
}

// cut is how much of n bytes is let through.
func (f *Fault) cut(n int) int {
	switch {
	case f.Cut < 0:
		return 0
	case f.Cut == 0:
		return n / 2
	}
	return min(f.Cut, n)
}

// sleep waits, but not longer than the client does.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
