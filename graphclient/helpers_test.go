package graphclient_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
)

const (
	tenant = "11111111-2222-3333-4444-555555555555"
	base   = "https://graph.microsoft.com"
	// listPath is in a bucket of 1,000 requests and 100 writes per 20 s.
	listPath = "/deviceManagement/configurationPolicies"
)

// A service answers requests without a socket, so that time can be virtual.
// It is called once at a time and gets the number of the request, from 0.
type service struct {
	mu    sync.Mutex
	seen  []*http.Request
	sent  []string // bodies
	reply func(n int, r *http.Request, body string) (*http.Response, error)
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	n := len(s.seen)
	s.seen = append(s.seen, r)
	s.sent = append(s.sent, string(body))
	resp, err := s.reply(n, r, string(body))
	if resp != nil {
		resp.Request = r
	}
	return resp, err
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// script answers with the given replies in order, the last one for ever.
func script(replies ...func() (*http.Response, error)) *service {
	return &service{reply: func(n int, _ *http.Request, _ string) (*http.Response, error) {
		return replies[min(n, len(replies)-1)]()
	}}
}

// answer makes a response. Headers are given as "Name: value".
func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json;odata.metadata=minimal"}, "Request-Id": {"aaaaaaaa-0000-0000-0000-000000000001"}}
	for _, s := range headers {
		name, value, _ := strings.Cut(s, ": ")
		h.Set(name, value)
	}
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
	}
}

func says(status int, body string, headers ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) { return answer(status, body, headers...), nil }
}

func fails(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

// page is the body of a list page.
func page(next string, items ...string) string {
	s := `{"@odata.context":"x","value":[` + strings.Join(items, ",") + `]`
	if next != "" {
		s += `,"@odata.nextLink":` + quote(next)
	}
	return s + "}"
}

func object(id int) string { return `{"id":"` + strconv.Itoa(id) + `"}` }

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// tokens hands out token-1, and the next one when that is refused.
type tokens struct {
	mu    sync.Mutex
	n     int
	asked []graphclient.TokenRequest
}

func (s *tokens) Token(_ context.Context, req graphclient.TokenRequest) (graphclient.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, req)
	if s.n == 0 || req.Refused.Reveal() == "token-"+strconv.Itoa(s.n) {
		s.n++
	}
	return graphclient.Token{Value: graphclient.NewSecret("token-" + strconv.Itoa(s.n))}, nil
}

// newClient returns a client that talks to rt, after change, which may be nil.
func newClient(t testing.TB, rt http.RoundTripper, change func(*graphclient.Config)) *graphclient.Client {
	t.Helper()
	cfg := graphclient.Config{Tenant: tenant, Tokens: &tokens{}, Transport: rt}
	if change != nil {
		change(&cfg)
	}
	c, err := graphclient.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// errorOf returns err as the client's own kind, or fails the test.
func errorOf(t testing.TB, err error) *graphclient.Error {
	t.Helper()
	e, ok := errors.AsType[*graphclient.Error](err)
	if !ok {
		t.Fatalf("got error %v (%T), want a *graphclient.Error", err, err)
	}
	return e
}

// all reads a list to its end.
func all(ctx context.Context, c *graphclient.Client, req graphclient.Request) (items []string, pages int, err error) {
	for p, err := range c.Pages(ctx, req) {
		if err != nil {
			return items, pages, err
		}
		pages++
		for _, raw := range p.Items {
			items = append(items, string(raw))
		}
	}
	return items, pages, nil
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A sentPart is one request of a batch as it was sent.
type sentPart struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// partsOf reads the parts of a batch.
func partsOf(body []byte) []sentPart {
	var doc struct {
		Requests []sentPart `json:"requests"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		panic(err)
	}
	return doc.Requests
}

func partIDs(r *http.Request) (ids []string) {
	body, _ := io.ReadAll(r.Body)
	for _, p := range partsOf(body) {
		ids = append(ids, p.ID)
	}
	return ids
}

// answerParts makes the body of a batch's answer. each returns a part's
// object, to which the id is added.
func answerParts(ids []string, each func(id string) string) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = `{"id":` + quote(id) + `,` + strings.TrimPrefix(each(id), "{")
	}
	return `{"responses":[` + strings.Join(parts, ",") + `]}`
}

// unlimited returns a limiter that lets everything through.
func unlimited(t testing.TB) *graphclient.Limiter {
	t.Helper()
	l, err := graphclient.NewLimiter(graphclient.LimiterConfig{Limit: func(contract.Bucket) contract.Limit { return contract.Limit{} }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// fast is for newClient: no pacing.
func fast(t testing.TB) func(*graphclient.Config) {
	return func(c *graphclient.Config) { c.Limiter = unlimited(t) }
}

// discardLog is for servers that are meant to fail.
func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }
