package smtpnotify_test

import (
	"context"
	"crypto/x509"
	"errors"
	"maps"
	"mime"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/memnotify"
	"github.com/tenantatlas/tenantatlas/notify/notifytest"
	"github.com/tenantatlas/tenantatlas/notify/smtpnotify"
	"github.com/tenantatlas/tenantatlas/runs"
)

func TestNotifier(t *testing.T) {
	notifytest.TestNotifier(t, func(t testing.TB) notifytest.Receiver {
		o := new(office).serve(t, false)
		return receiver{o, o.mailer(t, nil)}
	})
}

func notification() notify.Notification {
	return notify.Of(&runs.Run{
		Tenant: "acme", ID: "r1", Type: "inventory.sync", Status: runs.StatusCompleted, Outcome: runs.OutcomeFailed,
		Initiator: runs.User("dana", "Dana"), Failure: runs.Because(runs.ReasonThrottled),
		Target: runs.Target{Kind: "tenant", ID: "t1", Name: "Größe <b>"}, Counts: runs.Counts{Total: 3, Failed: 1}, CompletedAt: morning,
	})
}

func message(l notify.Language) notify.Message {
	n := notification()
	return notify.Message{
		Delivery: "mail/" + n.ID, Notification: n, Text: notify.Presenter{Language: l}.Present(n), Language: l,
		URL: "https://ops.example/t/acme/runs/r1?a=1&b=2",
	}
}

// What somebody gets to read, in both languages, as text and as HTML.
func TestLetter(t *testing.T) {
	for language, want := range map[notify.Language]map[string]string{
		notify.English: {
			"subject": "inventory.sync “Größe <b>” failed",
			"text/plain": `inventory.sync “Größe <b>” failed

The service asked for fewer requests. 0 of 3 done, 1 failed.

Tenant: acme
Time: 2026-01-02 03:04 UTC

View run: https://ops.example/t/acme/runs/r1?a=1&b=2

-- 
You get this message because you started this run.
`,
			"text/html": `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>inventory.sync “Größe &lt;b&gt;” failed</title></head>
<body>
<h1>inventory.sync “Größe &lt;b&gt;” failed</h1>
<p>The service asked for fewer requests. 0 of 3 done, 1 failed.</p>
<p>Tenant: acme<br>Time: 2026-01-02 03:04 UTC</p>
<p><a href="https://ops.example/t/acme/runs/r1?a=1&amp;b=2">View run</a></p>
<hr>
<p>You get this message because you started this run.</p>
</body>
</html>
`,
		},
		notify.German: {
			"subject": "inventory.sync “Größe <b>” fehlgeschlagen",
			"text/plain": `inventory.sync “Größe <b>” fehlgeschlagen

Der Dienst verlangte weniger Anfragen. 0 von 3 erledigt, 1 fehlgeschlagen.

Mandant: acme
Zeit: 2026-01-02 03:04 UTC

Lauf ansehen: https://ops.example/t/acme/runs/r1?a=1&b=2

-- 
Sie erhalten diese Nachricht, weil Sie diesen Lauf gestartet haben.
`,
			"text/html": `<!doctype html>
<html lang="de">
<head><meta charset="utf-8"><title>inventory.sync “Größe &lt;b&gt;” fehlgeschlagen</title></head>
<body>
<h1>inventory.sync “Größe &lt;b&gt;” fehlgeschlagen</h1>
<p>Der Dienst verlangte weniger Anfragen. 0 von 3 erledigt, 1 fehlgeschlagen.</p>
<p>Mandant: acme<br>Zeit: 2026-01-02 03:04 UTC</p>
<p><a href="https://ops.example/t/acme/runs/r1?a=1&amp;b=2">Lauf ansehen</a></p>
<hr>
<p>Sie erhalten diese Nachricht, weil Sie diesen Lauf gestartet haben.</p>
</body>
</html>
`,
		},
	} {
		o := new(office).serve(t, false)
		if err := o.mailer(t, nil).Notify(t.Context(), message(language)); err != nil {
			t.Fatal(err)
		}
		l := o.got()[0]
		header, got := read(l.raw)
		got["subject"], _ = new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", language, diff)
		}
		for name, want := range map[string]string{
			"From": `"TenantAtlas" <atlas@ops.example>`, "To": "<dana@example.com>", "Date": "Fri, 02 Jan 2026 03:04:05 +0000",
			"Auto-Submitted": "auto-generated", "User-Agent": "", "X-Mailer": "",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if l.from != "atlas@ops.example" || l.to != "dana@example.com" || !l.secure || l.options.UTF8 {
			t.Errorf("the envelope is %+v", l)
		}
	}
}

// A mail that is sent again is the same mail; one of another delivery is not.
func TestMessageID(t *testing.T) {
	o := new(office).serve(t, false)
	m := o.mailer(t, nil)
	other := message(notify.English)
	other.Delivery = "else/" + other.ID
	for _, msg := range []notify.Message{message(notify.English), message(notify.German), other} {
		if err := m.Notify(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, l := range o.got() {
		header, _ := read(l.raw)
		ids = append(ids, header.Get("Message-Id"))
	}
	if ids[0] != ids[1] || ids[0] == ids[2] || !strings.HasSuffix(ids[0], "@ops.example>") {
		t.Errorf("the IDs are %q", ids)
	}
}

// A courier sends again what the server took later, or perhaps took, with the
// same Message-ID, and its log says why.
func TestCourier(t *testing.T) {
	var attempts atomic.Int32
	o := &office{}
	o.data = func() error {
		o.mu.Lock()
		defer o.mu.Unlock()
		switch attempts.Add(1) {
		case 1:
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
		case 2:
			o.answer = notifytest.HangsUp
		default:
			o.answer = notifytest.Takes
		}
		return nil
	}
	o.serve(t, false)
	store := &watched{Store: memnotify.New(), settled: make(chan notify.Delivery, 9)}
	courier, err := notify.NewCourier(notify.CourierConfig{
		Outbox: store, Pause: time.Millisecond, Look: time.Millisecond,
		Channels: []notify.Channel{{Name: "mail", Notifier: o.mailer(t, nil)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := courier.Enqueue(t.Context(), notification()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- courier.Run(ctx) }()
	type entry struct {
		State   notify.DeliveryState
		Attempt int
		Reason  runs.Reason
	}
	var got []entry
	for range 3 {
		d := <-store.settled
		got = append(got, entry{d.State, d.Attempt, d.Reason})
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	want := []entry{
		{notify.DeliveryPending, 1, runs.ReasonThrottled},
		{notify.DeliveryPending, 2, runs.ReasonOutcomeUnknown},
		{notify.DeliveryDelivered, 3, runs.ReasonOutcomeUnknown}, // of the latest failure
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(o.got()); n != 1 {
		t.Errorf("the server has %d mails, want 1", n)
	}
}

// A watched outbox says what is settled.
type watched struct {
	*memnotify.Store
	settled chan notify.Delivery
}

func (w *watched) Settle(ctx context.Context, d notify.Delivery) error {
	defer func() { w.settled <- d }()
	return w.Store.Settle(ctx, d)
}

// What an answer means, at each step, and that nothing of it is kept.
func TestAnswers(t *testing.T) {
	answers := func(code, c, s, d int) func() error {
		return func() error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{c, s, d}, Message: "dana@example.com password=hunter2"}
		}
	}
	for name, test := range map[string]struct {
		office   *office
		reason   runs.Reason
		rejected bool
		says     string
	}{
		"mail 421":   {&office{mail: answers(421, 4, 3, 0)}, runs.ReasonUnreachable, false, "MAIL with 421 4.3.0"},
		"mail 432":   {&office{mail: answers(432, 4, 3, 2)}, runs.ReasonThrottled, false, "MAIL with 432 4.3.2"},
		"mail 530":   {&office{mail: answers(530, 5, 7, 0)}, runs.ReasonUnauthenticated, false, "MAIL with 530 5.7.0"},
		"mail 550":   {&office{mail: answers(550, 5, 7, 60)}, runs.ReasonPermissionDenied, false, "MAIL with 550 5.7.60"},
		"rcpt 450":   {&office{rcpt: answers(450, 4, 2, 0)}, runs.ReasonThrottled, false, "RCPT with 450 4.2.0"},
		"rcpt 452":   {&office{rcpt: answers(452, 4, 2, 2)}, runs.ReasonUnreachable, false, "RCPT with 452 4.2.2"},
		"rcpt 550":   {&office{rcpt: answers(550, 5, 1, 1)}, runs.ReasonNotFound, true, "RCPT with 550 5.1.1"},
		"rcpt relay": {&office{rcpt: answers(550, 5, 7, 1)}, runs.ReasonPermissionDenied, false, "RCPT with 550 5.7.1"},
		"data 451":   {&office{data: answers(451, 4, 3, 0)}, runs.ReasonUnreachable, false, "the end of DATA with 451 4.3.0"},
		"data 552":   {&office{data: answers(552, 5, 3, 4)}, runs.ReasonInvalidInput, true, "the end of DATA with 552 5.3.4"},
		"data spam":  {&office{data: answers(554, 5, 7, 1)}, runs.ReasonPermissionDenied, true, "the end of DATA with 554 5.7.1"},
	} {
		o := test.office.serve(t, false)
		err := o.mailer(t, nil).Notify(t.Context(), message(notify.English))
		f, _ := runs.FailureOf(err)
		if f.Reason != test.reason || errors.Is(err, notify.ErrRejected) != test.rejected || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %s, rejected %t", name, err, test.reason, test.rejected)
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "dana") || len(o.got()) > 0 {
			t.Errorf("%s: %v; the server has %d mails", name, err, len(o.got()))
		}
	}
}

// A mail goes out encrypted, to who proves to be the server, or not at all.
func TestTLS(t *testing.T) {
	for name, test := range map[string]struct {
		implicit, cleartext bool
		change              func(cfg *smtpnotify.Config)
		reason              runs.Reason // why there is no mail
		secure              bool
	}{
		"by STARTTLS":         {secure: true},
		"from the start":      {implicit: true, change: func(cfg *smtpnotify.Config) { cfg.TLS = smtpnotify.TLS }, secure: true},
		"none, as told":       {cleartext: true, change: func(cfg *smtpnotify.Config) { cfg.TLS = smtpnotify.NoTLS }},
		"none, though wanted": {cleartext: true, reason: runs.ReasonUnsupported},
		"not from the start":  {change: func(cfg *smtpnotify.Config) { cfg.TLS = smtpnotify.TLS }, reason: runs.ReasonUnsupported},
		"of nobody known":     {change: func(cfg *smtpnotify.Config) { cfg.RootCAs = x509.NewCertPool() }, reason: runs.ReasonUnauthenticated},
		"of somebody else": {change: func(cfg *smtpnotify.Config) {
			_, port, _ := net.SplitHostPort(cfg.Addr)
			cfg.Addr = "localhost:" + port
		}, reason: runs.ReasonUnauthenticated},
		"of nobody known, from the start": {implicit: true, change: func(cfg *smtpnotify.Config) {
			cfg.TLS, cfg.RootCAs = smtpnotify.TLS, x509.NewCertPool()
		}, reason: runs.ReasonUnauthenticated},
	} {
		o := (&office{cleartext: test.cleartext}).serve(t, test.implicit)
		err := o.mailer(t, test.change).Notify(t.Context(), message(notify.English))
		f, _ := runs.FailureOf(err)
		if f.Reason != test.reason || errors.Is(err, notify.ErrRejected) {
			t.Errorf("%s: %v, want %q", name, err, test.reason)
		}
		got := o.got()
		if len(got) != map[bool]int{true: 1}[test.reason == ""] || len(got) > 0 && got[0].secure != test.secure {
			t.Errorf("%s: the server has %+v", name, got)
		}
	}
}

// Who signs in does it with a fresh secret, in a way that the server knows.
func TestAuth(t *testing.T) {
	for name, test := range map[string]struct {
		ways   []string
		secret string
		oauth  bool
		reason runs.Reason
	}{
		"plain":            {ways: []string{"PLAIN", "LOGIN"}, secret: "hunter2"},
		"login":            {ways: []string{"LOGIN"}, secret: "hunter2"},
		"a token":          {ways: []string{"LOGIN", "XOAUTH2"}, secret: "hunter2", oauth: true},
		"a wrong password": {ways: []string{"PLAIN"}, secret: "hunter3", reason: runs.ReasonUnauthenticated},
		"a wrong token":    {ways: []string{"XOAUTH2"}, secret: "hunter3", oauth: true, reason: runs.ReasonUnauthenticated},
		"no way":           {ways: []string{"XOAUTH2"}, secret: "hunter2", reason: runs.ReasonUnauthenticated},
		"none at all":      {secret: "hunter2", reason: runs.ReasonUnauthenticated},
	} {
		for _, implicit := range []bool{false, true} {
			o := (&office{password: "hunter2", ways: test.ways}).serve(t, implicit)
			err := o.mailer(t, func(cfg *smtpnotify.Config) {
				cfg.User, cfg.OAuth = "atlas", test.oauth
				cfg.Secret = func(context.Context) (string, error) { return test.secret, nil }
				if implicit {
					cfg.TLS = smtpnotify.TLS
				}
			}).Notify(t.Context(), message(notify.English))
			f, _ := runs.FailureOf(err)
			if f.Reason != test.reason || errors.Is(err, notify.ErrRejected) || len(o.got()) != map[bool]int{true: 1}[err == nil] {
				t.Errorf("%s: %v with %d mails, want %q", name, err, len(o.got()), test.reason)
			}
			if err != nil && strings.Contains(err.Error(), "hunter") {
				t.Errorf("%s: the error has the secret: %v", name, err)
			}
		}
	}
	o := (&office{password: "hunter2", ways: []string{"PLAIN"}}).serve(t, false)
	err := o.mailer(t, nil).Notify(t.Context(), message(notify.English))
	if f, _ := runs.FailureOf(err); f.Reason != runs.ReasonUnauthenticated || errors.Is(err, notify.ErrRejected) {
		t.Errorf("nobody signs in: %v", err)
	}
	broken := o.mailer(t, func(cfg *smtpnotify.Config) {
		cfg.User = "atlas"
		cfg.Secret = func(context.Context) (string, error) { return "", runs.ErrStoreUnavailable }
	})
	if err := broken.Notify(t.Context(), message(notify.English)); !errors.Is(err, runs.ErrStoreUnavailable) {
		t.Errorf("without a secret: %v", err)
	}
}

// Servers that are not there, or are not mail servers, or never stop talking.
func TestOddServers(t *testing.T) {
	for name, test := range map[string]struct {
		greet  func(c net.Conn)
		reason runs.Reason
	}{
		"hangs up":    {func(net.Conn) {}, runs.ReasonUnreachable},
		"is another":  {func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 hunter2\r\n\r\n")) }, runs.ReasonBadResponse},
		"refuses all": {func(c net.Conn) { _, _ = c.Write([]byte("554 5.7.1 hunter2\r\n")) }, runs.ReasonPermissionDenied},
		"is full":     {func(c net.Conn) { _, _ = c.Write([]byte("421 4.3.0 hunter2\r\n")) }, runs.ReasonUnreachable},
		"is endless": {func(c net.Conn) {
			for line := []byte(strings.Repeat("220-", 4096)); ; {
				if _, err := c.Write(line); err != nil {
					return
				}
			}
		}, runs.ReasonBadResponse},
	} {
		var lc net.ListenConfig
		listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := listener.Accept()
			if err == nil {
				test.greet(c)
				c.Close()
			}
		}()
		o := &office{addr: listener.Addr().String()}
		err = o.mailer(t, nil).Notify(t.Context(), message(notify.English))
		listener.Close()
		f, _ := runs.FailureOf(err)
		if f.Reason != test.reason || errors.Is(err, notify.ErrRejected) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %s", name, err, test.reason)
		}
		if err = o.mailer(t, nil).Notify(t.Context(), message(notify.English)); err == nil {
			t.Errorf("%s: nobody is there, and took it", name)
		} else if f, _ := runs.FailureOf(err); f.Reason != runs.ReasonUnreachable {
			t.Errorf("gone: %v", err)
		}
	}
}

// A server that takes a mail and is gone before anybody says goodbye has taken
// it.
func TestTakenAndGone(t *testing.T) {
	o := (&office{leaves: true}).serve(t, false)
	if err := o.mailer(t, nil).Notify(t.Context(), message(notify.English)); err != nil || len(o.got()) != 1 {
		t.Errorf("%v, and the server has %d mails", err, len(o.got()))
	}
}

// However much there is to send, the connections are few.
func TestConnections(t *testing.T) {
	var inside, total, most atomic.Int32
	full := make(chan struct{})
	o := new(office)
	o.data = func() error {
		defer inside.Add(-1)
		if n := inside.Add(1); n > most.Load() {
			most.Store(n)
		}
		if total.Add(1) == 3 {
			close(full)
		}
		<-full
		return nil
	}
	m := o.serve(t, false).mailer(t, nil)
	done := make(chan error)
	for range 12 {
		go func() { done <- m.Notify(t.Context(), message(notify.English)) }()
	}
	for range 12 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := most.Load(); n != 3 {
		t.Errorf("%d mails were on their way at once, want 3", n)
	}
}

// Who has no address, or one that is none, is sent nothing.
func TestAddress(t *testing.T) {
	o := new(office).serve(t, false)
	for address, want := range map[string]runs.Reason{
		"": runs.ReasonNotFound, "dana": runs.ReasonInvalidInput, "a@x.example, b@x.example": runs.ReasonInvalidInput,
		"a@x.example>\r\nRCPT TO:<b@x.example": runs.ReasonInvalidInput, "Dana\r\nBcc: b@x.example <a@x.example>": runs.ReasonInvalidInput,
	} {
		err := o.mailer(t, func(cfg *smtpnotify.Config) {
			cfg.Address = func(context.Context, runs.Actor) (string, error) { return address, nil }
		}).Notify(t.Context(), message(notify.English))
		if f, _ := runs.FailureOf(err); f.Reason != want || !errors.Is(err, notify.ErrRejected) || address != "" && strings.Contains(err.Error(), address) {
			t.Errorf("%q: %v, want %s", address, err, want)
		}
	}
	if n := len(o.got()); n != 0 {
		t.Errorf("%d mails were sent", n)
	}
	err := o.mailer(t, func(cfg *smtpnotify.Config) {
		cfg.Address = func(context.Context, runs.Actor) (string, error) { return "", runs.ErrStoreUnavailable }
	}).Notify(t.Context(), message(notify.English))
	if !errors.Is(err, runs.ErrStoreUnavailable) || errors.Is(err, notify.ErrRejected) {
		t.Errorf("nobody knows: %v", err)
	}
	// Beyond ASCII the server is told so.
	for address, utf8 := range map[string]bool{"Größe <dana@example.com>": false, "größe@example.com": true} {
		if err := o.mailer(t, func(cfg *smtpnotify.Config) {
			cfg.Address = func(context.Context, runs.Actor) (string, error) { return address, nil }
		}).Notify(t.Context(), message(notify.English)); err != nil {
			t.Fatal(err)
		}
		if got := o.got()[len(o.got())-1]; got.options.UTF8 != utf8 {
			t.Errorf("%s: SMTPUTF8 is %t", address, got.options.UTF8)
		}
	}
}

func TestNew(t *testing.T) {
	good := smtpnotify.Config{
		Addr: "smtp.example.com:587", From: "atlas@ops.example", Address: func(context.Context, runs.Actor) (string, error) { return "", nil },
	}
	secret := func(context.Context) (string, error) { return "", nil }
	bad := map[string]func(cfg *smtpnotify.Config){
		"no server":         func(cfg *smtpnotify.Config) { cfg.Addr = "" },
		"no port":           func(cfg *smtpnotify.Config) { cfg.Addr = "smtp.example.com" },
		"no host":           func(cfg *smtpnotify.Config) { cfg.Addr = ":25" },
		"no such policy":    func(cfg *smtpnotify.Config) { cfg.TLS = "perhaps" },
		"in the clear":      func(cfg *smtpnotify.Config) { cfg.TLS, cfg.User, cfg.Secret = smtpnotify.NoTLS, "atlas", secret },
		"no secret":         func(cfg *smtpnotify.Config) { cfg.User = "atlas" },
		"no user":           func(cfg *smtpnotify.Config) { cfg.Secret = secret },
		"a token of nobody": func(cfg *smtpnotify.Config) { cfg.OAuth = true },
		"no sender":         func(cfg *smtpnotify.Config) { cfg.From = "" },
		"no addresses":      func(cfg *smtpnotify.Config) { cfg.Address = nil },
	}
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		cfg := good
		bad[name](&cfg)
		if _, err := smtpnotify.New(cfg); err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
	if _, err := smtpnotify.New(good); err != nil {
		t.Error(err)
	}
}
