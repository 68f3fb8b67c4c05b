package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/webhook"
	"github.com/tenantatlas/tenantatlas/runs"
)

const (
	secret = "the first secret of all"
	other  = "another one, as good as it"
)

var (
	morning  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
)

func clock() time.Time { return morning }

func message() notify.Message {
	n := notify.Of(&runs.Run{
		Tenant: "acme", ID: "r1", Type: "inventory.sync", Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed,
		Initiator: runs.User("dana", "Dana"), Failure: runs.Because(runs.ReasonThrottled),
		Target: runs.Target{Kind: "tenant", ID: "t1", Name: "Acme"}, Counts: runs.Counts{Total: 3, Failed: 1}, CompletedAt: morning,
	})
	return notify.Message{
		Delivery: "hook/" + n.ID, Notification: n, Text: notify.Presenter{}.Present(n), URL: "https://ops.example/r1",
	}
}

// hook returns a webhook that posts to a server on this machine.
func hook(t testing.TB, url string, secrets ...string) *webhook.Webhook {
	t.Helper()
	w, err := webhook.New(webhook.Config{URL: url, Secret: secrets, AllowHTTP: true, Allow: loopback, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A receiver can tell that a request is from here, and new.
func TestNotify(t *testing.T) {
	var header http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	m := message()
	if err := hook(t, server.URL+"/in?token=t", secret, other).Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{secret, other} { // while the secret is changed
		if err := webhook.Verify(s, header, body, morning.Add(webhook.Window)); err != nil {
			t.Errorf("with %q: %v", s, err)
		}
	}
	var got webhook.Body
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	want := webhook.Body{
		Delivery: m.Delivery, Tenant: "acme", Run: "r1", Type: "inventory.sync", Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed,
		Reason: runs.ReasonThrottled, Target: &runs.Target{Kind: "tenant", ID: "t1", Name: "Acme"}, Counts: webhook.Counts{Total: 3, Failed: 1},
		Recipient: runs.User("dana", "Dana"), At: morning, Title: "inventory.sync “Acme” failed",
		Text: "The service asked for fewer requests. 0 of 3 done, 1 failed.", URL: "https://ops.example/r1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if header.Get("Webhook-Id") != m.Delivery || header.Get("Content-Type") != "application/json" {
		t.Errorf("the headers are %v", header)
	}

	for name, change := range map[string]func(h http.Header, body *[]byte) (string, time.Time){
		"another secret": func(http.Header, *[]byte) (string, time.Time) { return "not the secret, is it?", morning },
		"no secret":      func(http.Header, *[]byte) (string, time.Time) { return "", morning },
		"replayed": func(http.Header, *[]byte) (string, time.Time) {
			return secret, morning.Add(webhook.Window + time.Second)
		},
		"from the future": func(http.Header, *[]byte) (string, time.Time) {
			return secret, morning.Add(-webhook.Window - time.Second)
		},
		"another body": func(_ http.Header, b *[]byte) (string, time.Time) { *b = append(*b, ' '); return secret, morning },
		"another timestamp": func(h http.Header, _ *[]byte) (string, time.Time) {
			h.Set("Webhook-Timestamp", "1767323046")
			return secret, morning
		},
		"no timestamp": func(h http.Header, _ *[]byte) (string, time.Time) { h.Del("Webhook-Timestamp"); return secret, morning },
		"no signature": func(h http.Header, _ *[]byte) (string, time.Time) { h.Del("Webhook-Signature"); return secret, morning },
		"another version": func(h http.Header, _ *[]byte) (string, time.Time) {
			h.Set("Webhook-Signature", strings.ReplaceAll(h.Get("Webhook-Signature"), "v1", "v0"))
			return secret, morning
		},
		"a timestamp not of": func(h http.Header, _ *[]byte) (string, time.Time) {
			h.Set("Webhook-Timestamp", "99999999999999999999")
			return secret, morning
		},
	} {
		h, b := header.Clone(), append([]byte(nil), body...)
		s, now := change(h, &b)
		if err := webhook.Verify(s, h, b, now); !errors.Is(err, webhook.ErrUnverified) {
			t.Errorf("%s: %v, want ErrUnverified", name, err)
		}
	}
}

// What an answer means, and that nothing of it is kept.
func TestAnswers(t *testing.T) {
	for status, want := range map[int]struct {
		reason   runs.Reason
		rejected bool
	}{
		200: {}, 204: {},
		302: {runs.ReasonBadResponse, true},
		307: {runs.ReasonBadResponse, true},
		400: {runs.ReasonInvalidInput, true},
		401: {runs.ReasonUnauthenticated, false},
		403: {runs.ReasonPermissionDenied, false},
		404: {runs.ReasonNotFound, false},
		409: {runs.ReasonBadResponse, false},
		410: {runs.ReasonGone, true},
		413: {runs.ReasonInvalidInput, true},
		429: {runs.ReasonThrottled, false},
		500: {runs.ReasonUnreachable, false},
		503: {runs.ReasonUnreachable, false},
	} {
		var hits atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			hits.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "password=hunter2")
		}))
		err := hook(t, server.URL, secret).Notify(t.Context(), message())
		f, _ := runs.FailureOf(err)
		if f.Reason != want.reason || errors.Is(err, notify.ErrRejected) != want.rejected || hits.Load() != 1 {
			t.Errorf("%d: %v after %d requests, want %+v after 1", status, err, hits.Load(), want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%d: the error repeats the answer: %v", status, err)
		}
		server.Close()
	}
}

// A server that is not there, or does not answer, is tried again, and its
// address stays out of the error.
func TestUnreachable(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	err := hook(t, gone.URL+"/?token=hunter2", secret).Notify(t.Context(), message())
	if f, _ := runs.FailureOf(err); f.Reason != runs.ReasonUnreachable || errors.Is(err, notify.ErrRejected) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("gone: %v", err)
	}
	release := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer silent.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = hook(t, silent.URL, secret).Notify(ctx, message())
	if f, _ := runs.FailureOf(err); f.Reason != runs.ReasonTimeout || errors.Is(err, notify.ErrRejected) {
		t.Errorf("silent: %v", err)
	}
}

// Nothing behind the firewall is reached, whatever leads there.
func TestPrivate(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "[::]"} {
		w, err := webhook.New(webhook.Config{URL: "http://" + host + ":" + port, Secret: []string{secret}, AllowHTTP: true})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Notify(t.Context(), message())
		if f, _ := runs.FailureOf(err); !errors.Is(err, notify.ErrRejected) || f.Reason != runs.ReasonPermissionDenied {
			t.Errorf("%s: %v, want ErrRejected for permission_denied", host, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the server was reached %d times", n)
	}
}

// A name that is public when somebody looks, and private when it is connected
// to, leads nowhere.
func TestRebinding(t *testing.T) {
	var hits atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	resolver := rebinding(t)
	first, err := resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.com")
	if err != nil || len(first) != 1 || !webhook.Reachable(first[0], nil) {
		t.Fatalf("the name is %v at first, %v; want a public address", first, err)
	}
	w, err := webhook.New(webhook.Config{URL: "http://rebind.example.com:" + port, Secret: []string{secret}, AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Resolve(resolver)
	if err := w.Notify(t.Context(), message()); !errors.Is(err, notify.ErrRejected) || hits.Load() != 0 {
		t.Errorf("%v after %d requests, want ErrRejected and none", err, hits.Load())
	}
	// The same way is open to who is allowed: it is the address that was refused.
	allowed := hook(t, "http://rebind.example.com:"+port, secret)
	allowed.Resolve(resolver)
	if err := allowed.Notify(t.Context(), message()); err != nil || hits.Load() != 1 {
		t.Errorf("allowed: %v after %d requests, want one", err, hits.Load())
	}
}

// rebinding returns a resolver for whose server every name is a public address
// once, and this machine from then on.
func rebinding(t *testing.T) *net.Resolver {
	t.Helper()
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		answer := []byte{93, 184, 216, 34}
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			end := 12
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			end += 5 // the end of the name, its type and class
			reply := append([]byte(nil), buf[:end]...)
			reply[2], reply[3] = 0x84, 0 // an answer, with authority
			copy(reply[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
			if reply[end-3] == 1 { // for an IPv4 address
				reply[7] = 1
				reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				reply = append(reply, answer...)
				answer = []byte{127, 0, 0, 1}
			}
			if _, err := conn.WriteTo(reply, from); err != nil {
				return
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestReachable(t *testing.T) {
	for text, want := range map[string]bool{
		"93.184.216.34": true, "8.8.8.8": true, "2606:2800:220:1:248:1893:25c8:1946": true, "::ffff:8.8.8.8": true,
		"0.0.0.0": false, "10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "169.254.169.254": false, "172.16.0.1": false,
		"192.0.0.1": false, "192.168.1.1": false, "198.18.0.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::127.0.0.1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:7f00:1::": false,
		"fc00::1": false, "fd00::1": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "ff02::1": false, "2001:db8::1": false,
	} {
		if got := webhook.Reachable(netip.MustParseAddr(text), nil); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
	ten := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	if !webhook.Reachable(netip.MustParseAddr("::ffff:10.1.2.3"), ten) || webhook.Reachable(netip.MustParseAddr("10.2.2.3"), ten) {
		t.Error("what is allowed is not what was said")
	}
}

func TestNew(t *testing.T) {
	good := []string{secret}
	for name, cfg := range map[string]webhook.Config{
		"no URL":       {Secret: good},
		"a path":       {URL: "/in", Secret: good},
		"http":         {URL: "http://hooks.example", Secret: good},
		"a file":       {URL: "file:///etc/passwd", Secret: good, AllowHTTP: true},
		"a password":   {URL: "https://a:hunter2@hooks.example", Secret: good},
		"a fragment":   {URL: "https://hooks.example/#hunter2", Secret: good},
		"a wrong URL":  {URL: "https://hooks.example/%zz?hunter2", Secret: good},
		"no secret":    {URL: "https://hooks.example"},
		"short secret": {URL: "https://hooks.example", Secret: []string{secret, "hunter2"}},
	} {
		if _, err := webhook.New(cfg); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := webhook.New(webhook.Config{URL: "https://hooks.example/in?x=1", Secret: good}); err != nil {
		t.Error(err)
	}
}

// Who has not the secret is never believed, whatever the headers are.
func FuzzVerify(f *testing.F) {
	f.Add("1767323045", "v1=00", []byte("{}"))
	f.Add("1767323045", " v1= v1=\xff ,", []byte(nil))
	f.Fuzz(func(t *testing.T, at, signature string, body []byte) {
		h := http.Header{"Webhook-Timestamp": {at}, "Webhook-Signature": {signature}}
		if err := webhook.Verify(secret, h, body, morning); !errors.Is(err, webhook.ErrUnverified) {
			t.Errorf("Verify(%q, %q) = %v", at, signature, err)
		}
	})
}
