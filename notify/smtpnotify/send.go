package smtpnotify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail/smtp"
)

// send gives the server the mail. An error says at which step it failed.
func (m *Mailer) send(ctx context.Context, to *netmail.Address, letter []byte) error {
	conn, err := m.dial(ctx)
	if err != nil {
		return judge(ctx, stepConnect, err)
	}
	defer conn.Close()
	// It ends whatever waits for the server.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	client, err := smtp.NewClient(conn, m.host)
	if err != nil {
		return judge(ctx, stepGreeting, err)
	}
	if err := m.greet(ctx, client); err != nil {
		return err
	}
	if err := m.deliver(ctx, client, to, letter); err != nil {
		if said(err) {
			quit(client)
		}
		return err
	}
	quit(client)
	return nil
}

// dial returns a connection, encrypted if the policy says that it begins so.
func (m *Mailer) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", m.cfg.Addr)
	if err != nil {
		return nil, err
	}
	conn = &bounded{Conn: conn, left: maxAnswers}
	if m.cfg.TLS != TLS {
		return conn, nil
	}
	encrypted := tls.Client(conn, m.tlsConfig())
	if err := encrypted.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return encrypted, nil
}

func (m *Mailer) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: m.host, RootCAs: m.cfg.RootCAs, MinVersion: tls.VersionTLS12}
}

// greet comes to the point where the server takes mail.
func (m *Mailer) greet(ctx context.Context, client *smtp.Client) error {
	if err := client.Hello(m.cfg.Hello); err != nil {
		return judge(ctx, stepHello, err)
	}
	if m.cfg.TLS == StartTLS {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return judge(ctx, stepTLS, errNoTLS)
		}
		if err := client.StartTLS(m.tlsConfig()); err != nil {
			return judge(ctx, stepTLS, err)
		}
	}
	if m.cfg.User == "" {
		return nil
	}
	secret, err := m.cfg.Secret(ctx)
	if err != nil {
		return fmt.Errorf("smtp: look for the secret: %w", err)
	}
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	var way smtp.Auth
	switch {
	case m.cfg.OAuth && slices.Contains(ways, "XOAUTH2"):
		way = smtp.XOAuth2Auth(m.cfg.User, secret)
	case !m.cfg.OAuth && slices.Contains(ways, "PLAIN"):
		way = smtp.PlainAuth("", m.cfg.User, secret, m.host, false)
	case !m.cfg.OAuth && slices.Contains(ways, "LOGIN"):
		way = smtp.LoginAuth(m.cfg.User, secret, m.host, false)
	default:
		return judge(ctx, stepAuth, errNoAuth)
	}
	if err := client.Auth(way); err != nil {
		return judge(ctx, stepAuth, err)
	}
	return nil
}

// deliver gives a server that is ready the mail.
func (m *Mailer) deliver(ctx context.Context, client *smtp.Client, to *netmail.Address, letter []byte) error {
	// What asks for it is refused by the next server that has not heard of it.
	client.SkipSMTPUTF8(ascii(m.from.Address) && ascii(to.Address))
	if err := client.Mail("<" + m.from.Address + ">"); err != nil {
		return judge(ctx, stepMail, err)
	}
	if err := client.Rcpt("<" + to.Address + ">"); err != nil {
		return judge(ctx, stepRcpt, err)
	}
	w, err := client.Data()
	if err != nil {
		return judge(ctx, stepData, err)
	}
	if _, err := w.Write(letter); err != nil {
		return judge(ctx, stepData, err)
	}
	if err := w.Close(); err != nil {
		return judge(ctx, stepSent, err)
	}
	return nil
}

// quit says goodbye. Whatever comes of that, the mail was taken or not before.
func quit(client *smtp.Client) {
	if client.UpdateDeadline(time.Second) == nil {
		_ = client.Quit()
	}
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

// maxAnswers is how much a server may say over one connection.
const maxAnswers = 1 << 20

var errTalkative = errors.New("the server says too much")

// A bounded connection ends when the other side has said too much: a line may
// be as long as it likes.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTalkative
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
