package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// How long a restore waits, at least and at most, before it asks again whether a
// change was approved.
const (
	shortestPause = 15 * time.Second
	longestPause  = 5 * time.Minute
)

// send sends a request of an item. If the tenant wants somebody to approve it,
// the request is stored as it is and the item waits; once it is approved, the
// very same request is sent again.
func (w *execution) send(ctx context.Context, t *task, call Call) (Reply, error) {
	approved, err := w.approved(ctx, t, call)
	switch {
	case err != nil:
		return Reply{}, err
	case approved != nil:
		call = *approved
	default:
		call.Justification = w.cfg.Justification
		if call.Justification == "" {
			call.Justification = "Restore " + w.r.ID
		}
	}
	reply, err := w.target.Send(ctx, call)
	e, ok := errors.AsType[*CallError](err)
	switch {
	case err == nil:
		t.RequestID = reply.RequestID
		t.goOn()
		return reply, nil
	case !ok:
		return Reply{}, err
	}
	if e.RequestID != "" {
		t.RequestID = e.RequestID
	}
	if e.Reason != runs.ReasonApproval || e.Approval == "" {
		return Reply{}, err
	}
	t.goOn() // what was approved before is something else
	if t.Request, err = json.Marshal(stored{call.Method, call.Path, call.Body}); err != nil {
		return Reply{}, fmt.Errorf("store request: %w", err)
	}
	t.Approval, t.ApprovalAt = e.Approval, runs.Instant(w.cfg.Now())
	t.Message = strings.TrimSpace(t.Message + " " + t.waitingFor())
	return Reply{}, w.waitForApproval(ctx, t)
}

// A stored is a request that waits for its approval.
type stored struct {
	Method string
	Path   string
	Body   []byte // byte by byte, and so not as JSON
}

// approved returns the request of an item as it was approved, nil if it was never
// to be. While it is not, the item waits.
func (w *execution) approved(ctx context.Context, t *task, call Call) (*Call, error) {
	if t.Approval == "" {
		return nil, nil
	}
	var was stored
	if err := json.Unmarshal(t.Request, &was); err != nil {
		return nil, fmt.Errorf("stored request: %w", err)
	}
	if was.Method != call.Method || was.Path != call.Path {
		return nil, nil // an earlier part of the same write, which is sent once more
	}
	state, err := w.target.Approval(ctx, t.Approval)
	if err != nil {
		return nil, err
	}
	switch state {
	case ApprovalGranted:
		call.Body, call.Approval = was.Body, t.Approval // what somebody has approved, and nothing else
		return &call, nil
	case ApprovalPending:
		return nil, w.waitForApproval(ctx, t)
	case ApprovalOutdated:
		return nil, &CallError{Reason: runs.ReasonApproval, Message: "Nobody has approved the change in time."}
	default:
		return nil, &CallError{Reason: runs.ReasonApproval, Message: "The change was not approved."}
	}
}

// waitForApproval has the item wait for a tenth of the time that it has waited
// already: who approves at once sees it go on at once, and who does
// tomorrow is asked for every five minutes.
func (w *execution) waitForApproval(ctx context.Context, t *task) error {
	t.Result = Waiting
	pause := w.cfg.Now().Sub(t.ApprovalAt) / 10
	werr := w.wait(t.entry, min(max(pause, shortestPause), longestPause), runs.ReasonApproval)
	if err := w.put(ctx, t.entry); err != nil {
		return err
	}
	return werr
}

// approvalLife is how long a request for an approval can be answered; Microsoft
// does not promise it. Source: graph.md section 3.12.
const approvalLife = 3 * 24 * time.Hour

// waitingFor says what the item waits for, and until when. It is the end of the
// message of an item that has a code for its approval, and of no other's.
func (t *task) waitingFor() string {
	return "A second administrator has to approve the change before " + t.ApprovalAt.Add(approvalLife).UTC().Format("2006-01-02 15:04 UTC") + "."
}

// goOn notes that the item does not wait any more.
func (t *task) goOn() {
	if t.Approval == "" {
		return
	}
	t.Result, t.Message = "", strings.TrimSpace(strings.TrimSuffix(t.Message, t.waitingFor()))
	t.Approval, t.ApprovalAt, t.Request = "", time.Time{}, nil
}
