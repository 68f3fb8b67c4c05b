package monitor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

const (
	maxFollowed  = 100 // runs that one stream names
	eventEvery   = 250 * time.Millisecond
	pingEvery    = 15 * time.Second
	streamAge    = 15 * time.Minute
	writeTimeout = 10 * time.Second
)

// Why a stream ends, as the data of its last event says.
const (
	byeAge      = "age"      // it is fifteen minutes old: come again
	byeShutdown = "shutdown" // the process stops: come again
	byeSession  = "session"  // whoever it was opened for may not see this any more
)

// parseFollow reads what a stream is to tell of.
func parseFollow(v url.Values, viewer Viewer, inbox bool) (*follower, error) {
	f := &follower{
		tenant: viewer.Tenant,
		actor:  viewer.Actor,
		ids:    split[string](v["run"]),
		active: v.Get("active") == "1",
		inbox:  v.Get("inbox") == "1" && inbox,
	}
	long := func(id string) bool { return len(id) > 64 }
	if len(f.ids) > maxFollowed || slices.ContainsFunc(f.ids, long) || len(f.ids) == 0 && !f.active && v.Get("inbox") != "1" {
		return nil, bad("run")
	}
	return f, nil
}

// events tells what becomes of runs: as a stream to who accepts one, or how they
// are now to who asks for JSON.
func (a *API) events(w http.ResponseWriter, r *http.Request, v Viewer) error {
	f, err := parseFollow(r.URL.Query(), v, a.cfg.Inbox != nil)
	if err != nil {
		return err
	}
	if accept := r.Header.Get("Accept"); strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/event-stream") {
		return a.snapshot(w, r, v, f)
	}
	release, err := a.live.admit(v.Actor)
	if err != nil {
		w.Header().Set("Retry-After", "30")
		return err
	}
	defer release()
	leave, err := a.live.join(f)
	if err != nil {
		return err
	}
	defer leave()
	s := &stream{api: a, w: w, rc: http.NewResponseController(w), r: r, viewer: v, follower: f}
	if err := s.open(); err != nil {
		return err
	}
	if r.Method != http.MethodHead {
		s.run()
	}
	return nil
}

// A stream tells one client.
type stream struct {
	api      *API
	w        http.ResponseWriter
	rc       *http.ResponseController
	r        *http.Request
	viewer   Viewer
	follower *follower
}

// open sends the header. It reports errors.ErrUnsupported if what is around the
// handler holds answers back.
func (s *stream) open() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Accel-Buffering", "no")
	// The server's limits are for answers that end soon.
	_ = s.rc.SetReadDeadline(time.Time{})
	if err := s.send([]byte(": open\n\n")); errors.Is(err, errors.ErrUnsupported) {
		return fmt.Errorf("stream events: %w", err)
	}
	return nil
}

// run tells the client what there is to tell, until it is gone, may not know any
// more, or the stream is old.
func (s *stream) run() {
	ctx := s.r.Context()
	ping, age := time.NewTicker(pingEvery), time.NewTimer(streamAge)
	defer ping.Stop()
	defer age.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-s.api.live.closed:
			err = s.bye(byeShutdown)
		case <-age.C:
			err = s.bye(byeAge)
		case <-ping.C:
			if err = s.check(ctx); err == nil {
				err = s.send(event("ping", 0, []byte("{}")))
			}
		case <-s.follower.wake:
			if err = s.tell(ctx); err == nil {
				s.rest(ctx)
			}
		}
		if err != nil {
			return
		}
	}
}

// rest keeps a client from being told of a run more than four times a second.
func (s *stream) rest(ctx context.Context) {
	timer := time.NewTimer(eventEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.api.live.closed:
	case <-timer.C:
	}
}

var errStreamEnds = errors.New("stream ends")

// tell sends what the client does not know yet, if it still may know.
func (s *stream) tell(ctx context.Context) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	all, unread := s.api.live.take(s.follower)
	var b bytes.Buffer
	for _, one := range all {
		body, err := json.Marshal(s.api.stateOf(ctx, s.viewer, one))
		if err != nil {
			return fmt.Errorf("encode state: %w", err)
		}
		b.Write(event("run", one.run.Revision, body))
	}
	if unread >= 0 {
		b.Write(event("inbox", 0, []byte(`{"unread":`+strconv.Itoa(unread)+`}`)))
	}
	if b.Len() == 0 {
		return nil
	}
	return s.send(b.Bytes())
}

// check finds out whether the client is who it was and may still view the tenant.
// If it is not, it is told that the stream ends.
func (s *stream) check(ctx context.Context) error {
	actor, err := s.api.who(s.r)
	if err == nil && !actor.Is(s.viewer.Actor) {
		err = ErrUnauthenticated
	}
	if err == nil {
		err = s.api.cfg.Authorizer.Authorize(ctx, actor, s.viewer.Tenant, runs.ActionView)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnauthenticated), errors.Is(err, runs.ErrForbidden), errors.Is(err, runs.ErrNotFound):
		return s.bye(byeSession)
	}
	if ctx.Err() == nil {
		s.api.cfg.Logger.WarnContext(ctx, "stream ends", "path", s.r.URL.Path, "error", err)
	}
	return err
}

// bye is the last event.
func (s *stream) bye(why string) error {
	_ = s.send(event("bye", 0, []byte(`{"reason":"`+why+`"}`)))
	return errStreamEnds
}

// send writes to the client, which has a while to take it.
func (s *stream) send(b []byte) error {
	// A writer without deadlines is the host's choice.
	_ = s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:forbidigo // the connection's clock
	_, err := s.w.Write(b)
	if err == nil {
		err = s.rc.Flush()
	}
	_ = s.rc.SetWriteDeadline(time.Time{})
	return err
}

// event is a server-sent event, with an id unless it is 0.
func event(name string, id int64, data []byte) []byte {
	b := append(make([]byte, 0, len(data)+64), "event: "...)
	b = append(b, name...)
	if id > 0 {
		b = strconv.AppendInt(append(b, "\nid: "...), id, 10)
	}
	b = append(append(b, "\ndata: "...), data...)
	return append(b, "\n\n"...)
}

// snapshot answers with what a stream would tell first, for clients that cannot
// keep one open.
func (a *API) snapshot(w http.ResponseWriter, r *http.Request, v Viewer, f *follower) error {
	ctx := r.Context()
	var all []*runs.Run
	if f.active {
		page, err := a.cfg.Runs.List(ctx, activeRuns(v.Tenant))
		if err != nil {
			return err
		}
		all = page.Runs
	}
	named := slices.DeleteFunc(slices.Clone(f.ids), func(id string) bool {
		return slices.ContainsFunc(all, func(r *runs.Run) bool { return r.ID == id })
	})
	if len(named) > 0 {
		more, err := a.live.list(ctx, runs.Query{Tenant: v.Tenant, IDs: named}, maxFollowed)
		if err != nil {
			return err
		}
		all = append(all, more...)
	}
	slices.SortFunc(all, compareIDs)
	answer := struct {
		Runs  []runState  `json:"runs"`
		Inbox *inboxState `json:"inbox,omitempty"`
	}{Runs: make([]runState, 0, len(all))}
	ops := a.cfg.Runs.Operations()
	for _, run := range all {
		s := &seen{bare(run), labelOf(ops, run.Type), troubleOf(ops, run, a.cfg.Now())}
		answer.Runs = append(answer.Runs, a.stateOf(ctx, v, s))
	}
	if f.inbox {
		n, err := a.cfg.Inbox.Unread(ctx, v.Actor, unreadLimit)
		if err != nil {
			return err
		}
		answer.Inbox = &inboxState{n}
	}
	writeTagged(w, r, answer)
	return nil
}
