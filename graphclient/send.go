package graphclient

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

// A call is a request in the form in which it goes out, any number of times.
type call struct {
	method     string
	url        *url.URL
	header     http.Header
	body       []byte
	bucket     contract.Bucket
	n          int     // requests that it counts as
	write      bool    // counts as writing
	effect     bool    // may change something
	repeatable bool    // may be sent again without knowing what became of it
	once       bool    // is not sent again when it was refused
	list       bool    // must be answered with a list
	parts      []*part // of a batch
	stale      Secret  // a token that is known to be refused
}

// An answer is a good one: 2xx, and JSON or nothing.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	outline outline
	parts   []judged // of a batch, one for each part
	ids     Error    // only the ids are set
	token   Secret   // that the request was sent with
}

// exchange sends c until there is an answer or the retry table says to stop.
func (a *api) exchange(ctx context.Context, c *call) (*answer, error) {
	a.budget.earn()
	t := tries{refused: c.stale}
	gate := a.limiter.gate(a.tenant, c.bucket)
	usual := usualTurn
	if c.list {
		usual = pageTurn
	}
	turn := usual
	for {
		asked, sent := a.now(), t.sent
		p, err := gate.enter(ctx, c.n, c.write, turn)
		if err != nil {
			return nil, ended(c.method, &t, err)
		}
		wait := a.now().Sub(asked)
		ans, e := a.attempt(ctx, c, &t)
		v := a.verdict(c, ans, e)
		gate.done(p, v)
		if a.observe != nil && t.sent > sent {
			a.observe(attemptOf(c, ans, e, v, wait))
		}
		if e == nil {
			return ans, nil
		}
		t.note(e, c.effect)
		if ctx.Err() != nil {
			return nil, ended(c.method, &t, ctx.Err())
		}
		s := t.after(e, c.repeatable, a.maxTries)
		if s.wait > 0 && !a.budget.spend() || c.once && e.Reason == ErrThrottled {
			s.again = false
		}
		if !s.again || !sleep(ctx, s.wait) {
			return nil, ended(c.method, &t, ctx.Err())
		}
		if e.Status == http.StatusServiceUnavailable {
			a.closeIdle()
		}
		if turn = usual; s.first {
			turn = againTurn
		}
	}
}

func attemptOf(c *call, ans *answer, e *Error, v verdict, wait time.Duration) Attempt {
	att := Attempt{Bucket: c.bucket, Throttled: v.throttled, Wait: wait}
	if e != nil {
		att.Status, att.Reason = e.Status, e.Reason
	} else {
		att.Status = ans.status
	}
	return att
}

// closeIdle makes the next attempt connect anew, because behind the present
// connection is an instance that is not available.
func (a *api) closeIdle() {
	if c, ok := a.rt.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// note takes a failed attempt in.
func (t *tries) note(e *Error, effect bool) {
	t.last = e
	if effect && e.sent && e.unclear() {
		t.unclear = true
	}
}

// unclear reports whether a write that ended with e may have taken effect.
func (e *Error) unclear() bool {
	switch e.Reason {
	case ErrUnreachable, ErrTooLarge:
		return true
	case ErrBadResponse:
		return e.Status < 300 || e.Status >= 400
	default:
		return false
	}
}

// verdict returns what an attempt says about the limit.
func (a *api) verdict(c *call, ans *answer, e *Error) verdict {
	switch {
	case e != nil && e.Reason == ErrThrottled:
		return verdict{throttled: c.n, after: e.RetryAfter, said: e.said}
	case e != nil:
		return verdict{answered: e.Status != 0}
	}
	var v verdict
	if c.parts != nil {
		ans.parts = a.judgeAll(c.parts, ans)
		v = refusal(ans.parts)
	}
	v.answered = true
	v.load, v.cost = usage(ans.header)
	return v
}

// ended returns the error for a request that is given up, because of err if
// that is not nil, else because of the last attempt.
func ended(method string, t *tries, err error) error {
	e, own := err.(*Error) //nolint:errorlint // the limiter's, never wrapped
	switch {
	case own && t.last != nil && t.last.Reason == ErrThrottled:
		t.last.RetryAfter = e.RetryAfter
		e = t.last
	case own:
	case err == nil:
		e = t.last
	case t.unclear:
		e = &Error{Reason: ErrOutcomeUnknown, cause: err, ClientRequestID: t.last.ClientRequestID}
	default:
		return fmt.Errorf("graph: %w", err)
	}
	e.Method, e.Attempts = method, t.sent
	if t.unclear && e.Reason != ErrOutcomeUnknown {
		e.cause, e.Reason = e.Reason, ErrOutcomeUnknown
	}
	return e
}

// attempt sends c once.
func (a *api) attempt(ctx context.Context, c *call, t *tries) (*answer, *Error) {
	token, e := a.token(ctx, t)
	if e != nil {
		return nil, e
	}
	id := newID()
	start := a.now()
	ans, e := a.roundTrip(ctx, c, token, id)
	t.sent++
	if e == nil {
		ans.ids.ClientRequestID, ans.token = id, token
		a.logAttempt(ctx, c, t, ans.status, "", &ans.ids, start)
		return ans, nil
	}
	e.Method, e.ClientRequestID = c.method, id
	if e.Status == http.StatusUnauthorized {
		t.refused = token
		if e.Claims != "" {
			a.challenge(e.Claims)
		}
	}
	a.logAttempt(ctx, c, t, e.Status, e.Reason, e, start)
	return nil, e
}

func (a *api) logAttempt(ctx context.Context, c *call, t *tries, status int, reason Reason, ids *Error, start time.Time) {
	level := slog.LevelDebug
	if reason == ErrThrottled {
		level = slog.LevelWarn
	}
	a.log.LogAttrs(ctx, level, "graph request",
		slog.String("tenant", a.tenant), slog.String("bucket", string(c.bucket)), slog.String("method", c.method),
		slog.Int("status", status), slog.String("reason", string(reason)), slog.Int("attempt", t.sent),
		slog.String("request_id", ids.RequestID), slog.String("client_request_id", ids.ClientRequestID),
		slog.Duration("duration", a.now().Sub(start)))
}

// token returns the token for the next attempt, which is not the one that was
// refused.
func (a *api) token(ctx context.Context, t *tries) (Secret, *Error) {
	tok, err := a.tokens.Token(ctx, TokenRequest{
		Tenant:  a.tenant,
		Scopes:  a.cloud.scopes(),
		Claims:  a.currentClaims(),
		Refused: t.refused,
	})
	switch {
	case err == nil && !tok.Value.IsZero() && plainToken(tok.Value.Reveal()):
		return tok.Value, nil
	case err == nil:
		return Secret{}, &Error{Reason: ErrUnauthenticated, Code: "token_form"}
	case t.last != nil && t.last.Status == http.StatusUnauthorized && errors.Is(err, ErrUnauthenticated):
		return Secret{}, t.last // what Graph said says more
	}
	e := &Error{Reason: ErrUnreachable, Code: "token", final: true}
	if errors.Is(err, ErrUnauthenticated) {
		e.Reason = ErrUnauthenticated
	}
	if own, ok := errors.AsType[*Error](err); ok && codeForm.MatchString(own.Code) {
		e.Code = own.Code
	}
	return Secret{}, e
}

// plainToken reports whether a token can stand in a header.
func plainToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= 64<<10
}

// roundTrip sends c and reads the answer.
func (a *api) roundTrip(ctx context.Context, c *call, token Secret, id string) (*answer, *Error) {
	ctx, dog, stop := watch(ctx, a.idle)
	defer stop()
	var sent, noTLS atomic.Bool // the transport's goroutines tell
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:          func(httptrace.GotConnInfo) { sent.Store(true) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { noTLS.Store(err != nil) },
	})
	if _, ok := a.rt.(*http.Transport); !ok {
		sent.Store(true) // nobody will tell
	}

	req := (&http.Request{
		Method: c.method, URL: c.url, Host: c.url.Host, Header: c.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if len(c.body) > 0 {
		req.ContentLength = int64(len(c.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c.body)), nil }
		req.Body, _ = req.GetBody()
	}
	req.Header["Authorization"] = []string{"Bearer " + token.Reveal()}
	req.Header["Client-Request-Id"] = []string{id}

	// Not http.Client: it follows redirects, and its errors hold the URL.
	resp, err := a.rt.RoundTrip(req)
	if err != nil {
		e := &Error{Reason: ErrUnreachable, Code: networkCode(ctx, err), sent: sent.Load()}
		if e.Code == "network" && noTLS.Load() {
			e.Code = "tls" // such errors have no type
		}
		return nil, e
	}
	defer func() { _ = resp.Body.Close() }()
	dog.progress(idleBytes)
	ans, e := a.readAnswer(ctx, c, resp, dog)
	if e != nil {
		e.Status, e.sent = resp.StatusCode, true
		if e.RequestID == "" {
			e.RequestID = requestID(resp.Header)
		}
	}
	return ans, e
}

// readAnswer turns a response into an answer or an error.
func (a *api) readAnswer(ctx context.Context, c *call, resp *http.Response, dog *watchdog) (*answer, *Error) {
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, classify(resp.StatusCode, resp.Header, a.body.readSome(resp, dog), a.now())
	}
	ans := &answer{status: resp.StatusCode, header: resp.Header, ids: Error{RequestID: requestID(resp.Header)}}
	body, err := a.body.read(resp, dog)
	if err != nil {
		return nil, bodyError(ctx, err)
	}
	if len(body) > 0 && !jsonType(resp.Header.Get("Content-Type")) {
		return nil, bad("content_type")
	}
	return a.accept(c, ans, body)
}

// accept looks into the body of a good answer.
func (a *api) accept(c *call, ans *answer, body []byte) (*answer, *Error) {
	if len(body) == 0 && !c.list && (c.effect || ans.status != http.StatusOK) {
		return ans, nil
	}
	o, e := outlineOf(body)
	switch {
	case e != nil:
		return nil, e
	case o.fault != nil:
		return nil, classifyFault(ans.status, ans.header, o.fault, a.now())
	case c.list && !o.list:
		return nil, bad("not_a_list")
	}
	ans.body, ans.outline = body, o
	return ans, nil
}

// bodyError returns the error for a body that could not be read.
func bodyError(ctx context.Context, err error) *Error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // ours come as they are
		return e
	}
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) {
		return bad("gzip")
	}
	return &Error{Reason: ErrUnreachable, Code: networkCode(ctx, err)}
}

// newID returns a random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
