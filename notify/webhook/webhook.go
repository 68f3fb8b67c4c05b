package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// Config says where a [Webhook] posts to. URL and Secret are required; every
// zero field has the meaning given with it.
type Config struct {
	// URL is an https address without user and password.
	URL string

	// Secret is the key of the signatures, 16 bytes at least. More than one may
	// be given while it is changed: the request carries a signature by each.
	Secret []string

	// AllowHTTP also allows an http address.
	AllowHTTP bool

	// Allow lists networks that may be reached although they are private, such
	// as 10.1.2.0/24. If nil, only public addresses may.
	Allow []netip.Prefix

	// Now is the clock of the timestamps. If nil, it is time.Now.
	Now func() time.Time
}

// A Webhook is a [notify.Notifier] that posts to one URL. Its methods are safe
// for concurrent use.
type Webhook struct {
	cfg    Config
	client *http.Client
}

var _ notify.Notifier = (*Webhook)(nil)

// minSecret is how many bytes a secret has at least.
const minSecret = 16

// New returns a Webhook made of cfg, or an error that says what is wrong with
// it. It does not reach for the address. No error repeats the URL or a secret.
func New(cfg Config) (*Webhook, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("webhook: Config.URL is no address")
	case u.Scheme != "https" && (u.Scheme != "http" || !cfg.AllowHTTP):
		return nil, errors.New("webhook: Config.URL is not https")
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("webhook: Config.URL has a user, a password or a fragment")
	case len(cfg.Secret) == 0:
		return nil, errors.New("webhook: Config.Secret is missing")
	}
	for _, s := range cfg.Secret {
		if len(s) < minSecret {
			return nil, fmt.Errorf("webhook: a secret has less than %d bytes", minSecret)
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the one default
	}
	return &Webhook{cfg: cfg, client: newClient(cfg.Allow, nil)}, nil
}

// A Body is what is posted. Fields may be added.
type Body struct {
	Delivery  string       `json:"delivery"` // as in the header
	Tenant    string       `json:"tenant"`
	Run       string       `json:"run"`
	Type      runs.Type    `json:"type"`
	Status    runs.Status  `json:"status"`
	Outcome   runs.Outcome `json:"outcome,omitempty"`
	Reason    runs.Reason  `json:"reason,omitempty"`
	Target    *runs.Target `json:"target,omitempty"`
	Counts    Counts       `json:"counts"`
	Recipient runs.Actor   `json:"recipient"`
	At        time.Time    `json:"at"` // when the run came to this status
	Title     string       `json:"title"`
	Text      string       `json:"text"`
	URL       string       `json:"url,omitempty"` // of the page of the run
}

// Counts are the figures of a run by items.
type Counts struct {
	Total     int64 `json:"total"`
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	Skipped   int64 `json:"skipped"`
}

func bodyOf(m notify.Message) Body {
	b := Body{
		Delivery: m.Delivery, Tenant: m.Run.Tenant, Run: m.Run.ID, Type: m.Run.Type, Status: m.Stage, Outcome: m.Outcome,
		Reason: m.Reason, Recipient: m.Recipient, At: m.At, Title: m.Title, Text: m.Body, URL: m.URL,
		Counts: Counts{m.Counts.Total, m.Counts.Succeeded, m.Counts.Failed, m.Counts.Skipped},
	}
	if m.Target != (runs.Target{}) {
		b.Target = &m.Target
	}
	return b
}

// maxAnswer is how much of an answer is read, so that the connection can be
// used again. Nothing of it is kept.
const maxAnswer = 64 << 10

// Notify implements [notify.Notifier]. A redirect, the answers 400, 410, 413, 415
// and 422, and an address that must not be reached are [notify.ErrRejected]; what
// somebody may still put right is tried again.
func (w *Webhook) Notify(ctx context.Context, m notify.Message) error {
	body, err := json.Marshal(bodyOf(m))
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("webhook: %w", hide(err))
	}
	at := strconv.FormatInt(w.cfg.Now().Unix(), 10)
	var signatures []string
	for _, s := range w.cfg.Secret {
		signatures = append(signatures, sign(s, at, body))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tenantatlas-webhook")
	req.Header.Set(headerID, m.Delivery)
	req.Header.Set(headerTimestamp, at)
	req.Header.Set(headerSignature, strings.Join(signatures, " "))
	resp, err := w.client.Do(req)
	if err != nil {
		if errors.Is(err, errPrivate) {
			return runs.Public(fmt.Errorf("webhook: %w: %w", notify.ErrRejected, errPrivate), runs.ReasonPermissionDenied, "")
		}
		err = fmt.Errorf("webhook: %w", hide(err))
		if f, _ := runs.FailureOf(err); f.Reason == runs.ReasonInternal { // it hung up, or its certificate does not hold
			return runs.Public(err, runs.ReasonUnreachable, "")
		}
		return err
	}
	defer resp.Body.Close()
	// The status says it all; what comes behind it only has to be read.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	return judge(resp.StatusCode)
}

// hide returns what went wrong without the URL, which may hold a secret in its
// query.
func hide(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// judge says what a status means for the delivery.
func judge(status int) error {
	err := fmt.Errorf("webhook: the receiver answered %d", status)
	rejected := fmt.Errorf("%w: %w", err, notify.ErrRejected)
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return runs.Public(rejected, runs.ReasonBadResponse, "")
	case status == http.StatusGone:
		return runs.Public(rejected, runs.ReasonGone, "")
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge,
		status == http.StatusUnsupportedMediaType, status == http.StatusUnprocessableEntity:
		return runs.Public(rejected, runs.ReasonInvalidInput, "")
	case status == http.StatusTooManyRequests:
		return runs.Public(err, runs.ReasonThrottled, "")
	case status == http.StatusUnauthorized:
		return runs.Public(err, runs.ReasonUnauthenticated, "")
	case status == http.StatusForbidden:
		return runs.Public(err, runs.ReasonPermissionDenied, "")
	case status == http.StatusNotFound:
		return runs.Public(err, runs.ReasonNotFound, "")
	case status >= 500:
		return runs.Public(err, runs.ReasonUnreachable, "")
	default:
		return runs.Public(err, runs.ReasonBadResponse, "")
	}
}
