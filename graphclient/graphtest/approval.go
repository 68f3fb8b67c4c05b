package graphtest

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"time"
	"unicode/utf8"
)

// An approval is a change that waits for a second administrator.
type approval struct {
	code    string
	method  string
	path    string
	body    []byte
	asked   time.Time
	granted string // status; empty while nobody has answered
}

// approvalLife is how long a request for approval waits.
// Source: graph.md section 3.12.
const approvalLife = 72 * time.Hour

func (a *approval) status(now time.Time) string {
	switch {
	case a.granted != "":
		return a.granted
	case now.After(a.asked.Add(approvalLife)):
		return "expired"
	}
	return "needsApproval"
}

// Approvals returns the codes of the changes that wait for a second
// administrator, oldest first.
func (t *Tenant) Approvals() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var codes []string
	for _, a := range t.asked {
		if a.status(t.now()) == "needsApproval" {
			codes = append(codes, a.code)
		}
	}
	return codes
}

// Withdraw takes a request for approval back. It reports [ErrNotFound] for one
// that does not wait.
// Source: graph.md section 3.12, poll states.
func (t *Tenant) Withdraw(code string) error { return t.answer(code, "cancelled") }

// Answer answers a request for approval, as a second administrator does. It
// reports [ErrNotFound] for one that does not wait.
func (t *Tenant) Answer(code string, approve bool) error {
	if approve {
		return t.answer(code, "approved")
	}
	return t.answer(code, "rejected")
}

func (t *Tenant) answer(code, status string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.asked {
		if a.code == code && a.status(t.now()) == "needsApproval" {
			a.granted = status
			return t.showApproval(a)
		}
	}
	return ErrNotFound
}

const approvalRequests = "deviceManagement/operationApprovalRequests"

// showApproval brings the list of requests up to date. The lock is held.
func (t *Tenant) showApproval(a *approval) error {
	doc := newObject(256)
	doc.str("id", a.code)
	doc.str("requestId", a.code)
	doc.str("status", a.status(t.now()))
	doc.str("requestDateTime", a.asked.UTC().Format(time.RFC3339))
	list := &t.root(approvalRequests, true).list
	o, err := ingester{t}.object(t.root(approvalRequests, true).spec, approvalRequests, "", len(list.objs), doc.bytes())
	if err != nil {
		return err
	}
	if i := list.find(a.code); i >= 0 {
		list.objs[i] = o
		return nil
	}
	list.add(o)
	return nil
}

// approve lets a change of a protected kind through if it was approved, and asks
// for that otherwise. Source: graph.md section 3.12.
func (c *call) approve() *answer {
	protected := false
	for _, prefix := range c.quirks.Protected {
		protected = protected || hasPrefix(c.path, prefix)
	}
	if !protected {
		return nil
	}
	t := c.tenant
	t.mu.Lock()
	defer t.mu.Unlock()
	if code := c.header.Get("x-msft-approval-code"); code != "" {
		return c.approved(code)
	}
	text, err := base64.StdEncoding.DecodeString(c.header.Get("x-msft-approval-justification"))
	if err != nil || len(text) == 0 || len(text) > 1024 || !utf8.Valid(text) {
		status := http.StatusBadRequest
		if c.quirks.JustificationForbidden {
			status = http.StatusForbidden
		}
		return c.fail(status, "BadRequest", "Header 'x-msft-approval-justification' is required to request approval.")
	}
	a := &approval{code: guid("approval", c.requestID, itoa(len(t.asked))), method: c.method, path: c.path, body: bytes.Clone(c.body), asked: c.now}
	t.asked = append(t.asked, a)
	if err := t.showApproval(a); err != nil {
		return c.fail(http.StatusInternalServerError, "InternalServerError", "An internal server error has occurred.")
	}
	return c.fail(http.StatusForbidden, "ApprovalRequired", "The request requires the approval of another administrator.").
		set("x-msft-approval-code", a.code)
}

// approved lets a change through that is the one that was approved. The lock is
// held.
func (c *call) approved(code string) *answer {
	for _, a := range c.tenant.asked {
		if a.code != code {
			continue
		}
		switch {
		case a.status(c.now) != "approved":
			return c.fail(http.StatusForbidden, "ApprovalRequired", "The request is not approved.").set("x-msft-approval-code", code)
		case a.method != c.method || a.path != c.path || !bytes.Equal(a.body, c.body):
			return c.fail(http.StatusForbidden, "Forbidden", "The request is not the one that was approved.")
		}
		a.granted = "completed"
		if err := c.tenant.showApproval(a); err != nil {
			return c.fail(http.StatusInternalServerError, "InternalServerError", "An internal server error has occurred.")
		}
		return nil
	}
	return c.fail(http.StatusForbidden, "Forbidden", "There is no such request for approval.")
}
