package monitor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
	"github.com/tenantatlas/tenantatlas/runs/audit"
)

// ErrUnauthenticated is returned by [Config].Who for a request of nobody; the
// answer is 401.
var ErrUnauthenticated = errors.New("nobody is signed in")

// RedirectTo is an [ErrUnauthenticated] that says where to sign in: pages lead
// to that address, everything else is answered with 401.
func RedirectTo(address string) error { return &signIn{address} }

type signIn struct{ address string }

func (*signIn) Error() string   { return ErrUnauthenticated.Error() }
func (*signIn) Is(t error) bool { return t == ErrUnauthenticated }

// Config says what a [Hub] or an [API] shows to whom. Runs, Who and Authorizer
// are required; a zero field has the meaning given with it. The functions are
// called on the goroutines of requests and must be safe for concurrent use.
type Config struct {
	Runs runs.Reader

	// Who says who makes a request. It is called once per request, on its
	// goroutine. It reports [ErrUnauthenticated] or [RedirectTo] for nobody;
	// another error is answered with 503.
	Who func(r *http.Request) (runs.Actor, error)

	// Authorizer rules on [runs.ActionView] in the tenant of the path, and on
	// whether a control is shown. Its ErrNotFound is answered with 404, so that a
	// tenant one is no member of looks like one that does not exist.
	Authorizer runs.Authorizer

	// BasePath is the path below which requests arrive, for links: "/ops". It is
	// removed from requests that still have it. If empty, it is the fixed
	// beginning of the pattern with which an [http.ServeMux] matched the request.
	BasePath string

	// Inbox is where notifications are. If nil, the hub has no such pages and no
	// bell.
	Inbox Inbox

	// Audit is who did what, for those who may [runs.ActionViewAudit], and how
	// many requests joined a run, for everybody who may view it. If nil, the hub
	// shows neither. See also [audit.Log.Guard]: a hub whose Authorizer is one
	// asks it with Would when nobody does anything.
	Audit audit.Reader

	// Actions are what people may do to runs from the hub, each if Authorizer
	// allows it; usually the tracker. If nil, the hub changes nothing.
	Actions Actions

	// Redact, if set, takes away from a run what its viewer is not to see. It
	// may change r, which is a copy. It is called before a run is shown
	// anywhere, in lists too.
	Redact func(ctx context.Context, v Viewer, r *runs.Run)

	// Links, if set, returns what the page of a run leads to in the host: the
	// backup set that it filled.
	Links func(r *runs.Run) []Link

	// Tenants, if set, lists the tenants that an actor can change to, in the
	// order in which they are shown. The hub leaves out those that Authorizer
	// does not let the actor view. If nil, there is no such choice, and the hub's
	// first page asks for the tenant's name.
	Tenants func(ctx context.Context, actor runs.Actor) ([]string, error)

	// Layout, if set, writes the document around a page of the hub, so that it
	// looks like the host's other pages. It replaces only the frame; see [Frame].
	Layout func(w io.Writer, r *http.Request, f Frame) error

	// Language, if set, returns the language of a request's answer, such as
	// "de". If nil, or for one that is not there, Accept-Language decides.
	Language func(r *http.Request) string

	// Messages are words in further languages, or other words, by language and
	// then by the keys of messages/en.json. What is missing stays English.
	Messages map[string]map[string]string

	// Page, if set, returns the path of the page that shows a run to people, for
	// an API without a hub around it.
	Page func(ref runs.Ref) string

	// Logger gets the errors that an answer only names. If nil, nobody does.
	Logger *slog.Logger

	// Now is the clock for relative times such as since=24h. If nil, it is
	// time.Now.
	Now func() time.Time
}

// Actions are what can be done to a run. A [runs.Tracker] has them. They ask for
// the rights of the actor themselves.
type Actions interface {
	RequestCancel(ctx context.Context, ref runs.Ref, actor runs.Actor, why string) (*runs.Run, error)
	Retry(ctx context.Context, ref runs.Ref, actor runs.Actor, once string) (runs.Started, error)
}

var _ Actions = (*runs.Tracker)(nil)

// A Link leads from a run to a page of the host.
type Link struct {
	Label   string
	Address string
}

// complete checks what is required and fills in the rest.
func (cfg *Config) complete() error {
	switch {
	case cfg.Runs == nil:
		return errors.New("monitor: Config.Runs is missing")
	case cfg.Who == nil:
		return errors.New("monitor: Config.Who is missing; it says who makes a request")
	case cfg.Authorizer == nil:
		return errors.New("monitor: Config.Authorizer is missing; runs.Roles makes one of a function")
	}
	cfg.BasePath = strings.TrimSuffix(cfg.BasePath, "/")
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // the one default
	}
	return nil
}

// may reports whether the actor would be let, for nothing but what to offer.
func (cfg *Config) may(ctx context.Context, actor runs.Actor, tenant string, a runs.Action) bool {
	if g, ok := cfg.Authorizer.(*audit.Guard); ok {
		return g.Would(ctx, actor, tenant, a) == nil
	}
	return cfg.Authorizer.Authorize(ctx, actor, tenant, a) == nil
}

type baseKey struct{}

// mounted returns r with its path behind the base path, which [basePath] knows.
func mounted(r *http.Request, base string) *http.Request {
	if base == "" {
		base = fixedPart(r.Pattern)
	}
	return below(r, base, base)
}

// below returns r without the prefix of its path, if it has it; links begin with
// base.
func below(r *http.Request, prefix, base string) *http.Request {
	r = r.WithContext(context.WithValue(r.Context(), baseKey{}, base))
	if rest, ok := strings.CutPrefix(r.URL.Path, prefix); ok && prefix != "" && strings.HasPrefix(rest, "/") {
		u := *r.URL
		u.Path = rest
		u.RawPath = strings.TrimPrefix(u.RawPath, (&url.URL{Path: prefix}).EscapedPath())
		r.URL = &u
	}
	return r
}

// basePath is what links to the handler that answers r begin with.
func basePath(r *http.Request) string {
	base, _ := r.Context().Value(baseKey{}).(string)
	return base
}

// fixedPart is the path of a mux's pattern up to its end or first wildcard,
// without the last slash: "/ops" of "GET example.com/ops/".
func fixedPart(pattern string) string {
	i := strings.Index(pattern, "/")
	if i < 0 {
		return ""
	}
	fixed, _, wild := strings.Cut(pattern[i:], "{")
	if wild {
		fixed = fixed[:strings.LastIndex(fixed, "/")+1]
	}
	return strings.TrimSuffix(fixed, "/")
}
