package smtpnotify_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/notify/notifytest"
	"github.com/tenantatlas/tenantatlas/notify/smtpnotify"
	"github.com/tenantatlas/tenantatlas/runs"
)

var morning = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A post office is a real server that does as it is told. Its zero value takes
// everything; what is set is asked first.
type office struct {
	mail, rcpt, data func() error // what to answer to a command
	password         string       // who signs in has it, and must sign in; none if empty
	ways             []string     // how to sign in
	cleartext        bool         // there is no TLS
	leaves           bool         // it hangs up as soon as it has taken something

	addr  string
	roots *x509.CertPool
	done  chan struct{} // closed when the test ends

	mu      sync.Mutex
	answer  notifytest.Answer
	text    string
	letters []letter
}

// A letter is what the office was given.
type letter struct {
	from, to string
	options  smtp.MailOptions
	secure   bool
	raw      string
}

// serve opens the office on this machine.
func (o *office) serve(t testing.TB, implicit bool) *office {
	t.Helper()
	web := httptest.NewTLSServer(nil) // it has a certificate for 127.0.0.1
	web.Close()
	o.roots = x509.NewCertPool()
	o.roots.AddCert(web.Certificate())
	config := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	server := smtp.NewServer(smtp.BackendFunc(o.visit))
	server.Domain, server.ErrorLog, server.MaxMessageBytes = "mx.example", silence{}, 1<<20
	server.EnableSMTPUTF8 = true
	if !o.cleartext {
		server.TLSConfig = config
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.addr, o.done = listener.Addr().String(), make(chan struct{})
	if implicit {
		listener = tls.NewListener(listener, config)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // until it is closed
	}()
	t.Cleanup(func() {
		close(o.done)
		server.Close()
		<-ended
	})
	return o
}

type silence struct{}

func (silence) Printf(string, ...any) {}
func (silence) Println(...any)        {}

// mailer returns one that sends to the office, after change.
func (o *office) mailer(t testing.TB, change func(cfg *smtpnotify.Config)) *smtpnotify.Mailer {
	t.Helper()
	cfg := smtpnotify.Config{
		Addr: o.addr, RootCAs: o.roots, From: "TenantAtlas <atlas@ops.example>", Now: func() time.Time { return morning },
		Address: func(_ context.Context, who runs.Actor) (string, error) { return who.ID + "@example.com", nil },
	}
	if change != nil {
		change(&cfg)
	}
	m, err := smtpnotify.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (o *office) got() []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.letters)
}

// The office as the suite for notifiers has it.
type receiver struct {
	*office
	notifier notify.Notifier
}

func (r receiver) Notifier() notify.Notifier { return r.notifier }

func (r receiver) Answer(a notifytest.Answer, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer, r.text = a, text
}

func (r receiver) Taken() (all []notifytest.Taken) {
	for _, l := range r.got() {
		header, parts := read(l.raw)
		all = append(all, notifytest.Taken{ID: header.Get("Message-Id"), Content: parts["text/plain"]})
	}
	return all
}

// read returns the headers and the decoded parts of a mail.
func read(raw string) (netmail.Header, map[string]string) {
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		return nil, nil
	}
	parts := map[string]string{}
	_, params, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if err != nil {
			return m.Header, parts
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		body, _ := io.ReadAll(p)
		parts[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

// visit begins a session.
func (o *office) visit(c *smtp.Conn) (smtp.Session, error) { return &visit{office: o, conn: c}, nil }

type visit struct {
	office *office
	conn   *smtp.Conn
	known  bool
	letter letter
}

// Reset is called when the answer to DATA was given.
func (v *visit) Reset() {
	if v.office.leaves && v.letter.raw != "" {
		v.conn.Conn().Close()
	}
	v.letter = letter{}
}

func (v *visit) Logout() error { return nil }

func (v *visit) AuthMechanisms() []string { return v.office.ways }

func (v *visit) Auth(way string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != "atlas" || password != v.office.password {
			return smtp.ErrAuthFailed
		}
		v.known = true
		return nil
	}
	switch way {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &login{check: check}, nil
	default:
		return bearer(check), nil
	}
}

// login asks for a user and a password.
type login struct {
	check func(user, password string) error
	said  []string
}

func (l *login) Next(response []byte) ([]byte, bool, error) {
	if response != nil {
		l.said = append(l.said, string(response))
	}
	switch len(l.said) {
	case 0:
		return []byte("Username:"), false, nil
	case 1:
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.said[0], l.said[1])
}

// bearer takes an access token.
type bearer func(user, password string) error

func (b bearer) Next(response []byte) ([]byte, bool, error) {
	user, rest, _ := strings.Cut(strings.TrimPrefix(string(response), "user="), "\x01")
	token, _, _ := strings.Cut(strings.TrimPrefix(rest, "auth=Bearer "), "\x01")
	return nil, true, b(user, token)
}

func (v *visit) Mail(from string, options *smtp.MailOptions) error {
	if v.office.password != "" && !v.known {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "sign in"}
	}
	_, secure := v.conn.TLSConnectionState()
	v.letter = letter{from: from, options: *options, secure: secure}
	return ask(v.office.mail)
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.letter.to = to
	return ask(v.office.rcpt)
}

func ask(answer func() error) error {
	if answer == nil {
		return nil
	}
	return answer()
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := ask(v.office.data); err != nil {
		return err
	}
	v.office.mu.Lock()
	answer, text := v.office.answer, v.office.text
	if answer == notifytest.Takes {
		v.letter.raw = string(raw)
		v.office.letters = append(v.office.letters, v.letter)
	}
	v.office.mu.Unlock()
	switch answer {
	case notifytest.Takes:
	case notifytest.Postpones:
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: text}
	case notifytest.Refuses:
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: text}
	case notifytest.HangsUp:
		v.conn.Conn().Close()
	case notifytest.IsSilent:
		<-v.office.done
	}
	return nil
}

// withoutServer makes a mailer that has nobody to send to.
func withoutServer(cfg *smtpnotify.Config) { cfg.Addr = "mx.example:25" }
