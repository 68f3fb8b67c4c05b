package smtpnotify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// A TLSPolicy says how the connection to the server is protected.
type TLSPolicy string

// The policies. With both that encrypt, a server that cannot, or whose
// certificate does not hold, gets no mail.
const (
	StartTLS TLSPolicy = "starttls" // encrypted once the server has greeted; mostly port 587
	TLS      TLSPolicy = "tls"      // encrypted from the first byte; mostly port 465
	NoTLS    TLSPolicy = "none"     // in the clear, for a server on this machine; nobody can sign in
)

// Config says through which server a [Mailer] sends, and to whom. Addr, From and
// Address are required; every zero field has the meaning given with it.
type Config struct {
	// Addr is the host and the port of the server, such as
	// "smtp.example.com:587". The host may be on a private network: it is chosen
	// by who runs the program, not by who uses it.
	Addr string

	// TLS says how the connection is protected. If empty, by [StartTLS].
	TLS TLSPolicy

	// RootCAs are who may have signed the certificate of the server. If nil, whom
	// the system trusts.
	RootCAs *x509.CertPool

	// User is who signs in. If empty, nobody does.
	User string

	// Secret returns the password of User, or the access token if OAuth says so.
	// It is asked at every attempt, so that the secret can be changed, and is
	// kept nowhere. It is required with User, and may be called concurrently.
	Secret func(ctx context.Context) (string, error)

	// OAuth makes User sign in with an access token (XOAUTH2), as Microsoft 365
	// wants it, instead of a password (PLAIN or LOGIN).
	OAuth bool

	// From is who the mails are from, such as "TenantAtlas <atlas@example.com>".
	From string

	// Address returns the mail address of somebody who is notified, or "" for
	// who has none. It is called at every attempt, also concurrently.
	Address func(ctx context.Context, who runs.Actor) (string, error)

	// Hello is what this machine calls itself to the server. If empty, its host
	// name.
	Hello string

	// Now is the clock of the mails' dates. If nil, it is time.Now.
	Now func() time.Time
}

// A Mailer is a [notify.Notifier] that sends mail through one server. Its methods
// are safe for concurrent use.
type Mailer struct {
	cfg   Config
	host  string // of cfg.Addr
	from  *netmail.Address
	forms forms
	slots chan struct{} // one for each connection that is open
}

var _ notify.Notifier = (*Mailer)(nil)

// maxConnections is how many connections there are at once. Microsoft 365 allows
// three; an attempt that finds none free waits for one.
const maxConnections = 3

// maxAttempt is what an attempt takes at most, whatever its context allows.
const maxAttempt = 2 * time.Minute

// New returns a Mailer made of cfg, or an error that says what is wrong with it.
// It does not reach for the server.
func New(cfg Config) (*Mailer, error) {
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil || host == "" {
		return nil, errors.New("smtpnotify: Config.Addr is no host and port")
	}
	if cfg.TLS == "" {
		cfg.TLS = StartTLS
	}
	switch {
	case cfg.TLS != StartTLS && cfg.TLS != TLS && cfg.TLS != NoTLS:
		return nil, fmt.Errorf("smtpnotify: Config.TLS is %q, which is no policy", cfg.TLS)
	case cfg.TLS == NoTLS && cfg.User != "":
		return nil, errors.New("smtpnotify: Config.User would sign in without TLS")
	case (cfg.User == "") != (cfg.Secret == nil):
		return nil, errors.New("smtpnotify: one of Config.User and Config.Secret is missing")
	case cfg.OAuth && cfg.User == "":
		return nil, errors.New("smtpnotify: Config.OAuth has no User")
	case cfg.Address == nil:
		return nil, errors.New("smtpnotify: Config.Address is missing")
	}
	from, err := netmail.ParseAddress(cfg.From)
	if err != nil {
		return nil, errors.New("smtpnotify: Config.From is no mail address")
	}
	if cfg.Hello == "" {
		if cfg.Hello, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("smtpnotify: %w", err)
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the one default
	}
	forms, err := parseForms()
	if err != nil {
		return nil, fmt.Errorf("smtpnotify: %w", err)
	}
	return &Mailer{cfg, host, from, forms, make(chan struct{}, maxConnections)}, nil
}

// Notify implements [notify.Notifier]. What the server refuses for good, once it
// is ready to take mail, is [notify.ErrRejected], and so is a mail to somebody
// without an address; what somebody may still put right is tried again: a
// password, a certificate, the permission to send.
func (m *Mailer) Notify(ctx context.Context, msg notify.Message) error {
	ctx, cancel := context.WithTimeout(ctx, maxAttempt)
	defer cancel()
	to, err := m.recipient(ctx, msg.Recipient)
	if err != nil {
		return err
	}
	letter, err := m.compose(msg, to)
	if err != nil {
		return fmt.Errorf("smtp: write the mail: %w", err)
	}
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("smtp: wait for another mail: %w", ctx.Err())
	}
	defer func() { <-m.slots }()
	return m.send(ctx, to, letter)
}

// recipient returns where to send to.
func (m *Mailer) recipient(ctx context.Context, who runs.Actor) (*netmail.Address, error) {
	text, err := m.cfg.Address(ctx, who)
	if err != nil {
		return nil, fmt.Errorf("smtp: look for an address: %w", err)
	}
	if text == "" {
		return nil, runs.Public(fmt.Errorf("smtp: nobody has told an address: %w", notify.ErrRejected), runs.ReasonNotFound, "")
	}
	to, err := netmail.ParseAddress(text)
	if err != nil { // its text repeats the address
		return nil, runs.Public(fmt.Errorf("smtp: the address is none: %w", notify.ErrRejected), runs.ReasonInvalidInput, "")
	}
	return &netmail.Address{Address: to.Address}, nil
}
