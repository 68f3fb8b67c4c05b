// Package graphtarget restores into a tenant over Microsoft Graph.
package graphtarget

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/tenantatlas/tenantatlas/graphclient"
	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory/graphsource"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/runs"
)

var _ restore.Target = (*Target)(nil)

// A Target is a [restore.Target] over Graph. It is safe for concurrent use.
type Target struct {
	*graphsource.Source
	client *graphclient.Client
}

// New returns a Target for the tenant of client.
func New(client *graphclient.Client) *Target {
	return &Target{Source: graphsource.New(client), client: client}
}

// URL implements [restore.Target].
func (t *Target) URL(path string) string { return t.client.URL(path) }

// Send implements [restore.Target].
func (t *Target) Send(ctx context.Context, c restore.Call) (restore.Reply, error) {
	req := graphclient.Request{Method: c.Method, Path: c.Path, Body: c.Body, Header: http.Header{}, Once: c.Method == http.MethodPost}
	switch {
	case c.Approval != "":
		req.Header.Set(contract.ApprovalHeader, c.Approval)
	case c.Justification != "":
		req.Header.Set(contract.JustificationHeader, base64.StdEncoding.EncodeToString([]byte(c.Justification)))
	}
	resp, err := t.client.Do(ctx, req)
	if err != nil {
		return restore.Reply{}, callError(ctx, err)
	}
	return restore.Reply{Body: resp.Body, RequestID: resp.RequestID}, nil
}

func callError(ctx context.Context, err error) error {
	e, ok := errors.AsType[*graphclient.Error](err)
	if !ok {
		return err
	}
	if ctx.Err() != nil && e.Reason != graphclient.ErrOutcomeUnknown {
		return context.Cause(ctx)
	}
	f, _ := runs.FailureOf(graphsource.Public(err))
	return &restore.CallError{
		Reason: f.Reason, Message: f.Message, RequestID: e.RequestID, Approval: e.ApprovalCode,
		Unknown: e.Reason == graphclient.ErrOutcomeUnknown, Err: err,
		Refused: e.Reason == graphclient.ErrThrottled && e.Attempts > 0 && e.Method == http.MethodPost,
	}
}

// Approval implements [restore.Target].
func (t *Target) Approval(ctx context.Context, code string) (restore.ApprovalState, error) {
	for page, err := range t.client.Pages(ctx, graphclient.Request{Path: contract.ApprovalRequest(code)}) {
		if err != nil {
			return "", callError(ctx, err)
		}
		for _, doc := range page.Items {
			var is struct {
				ID        string `json:"id"`
				RequestID string `json:"requestId"`
				Status    string `json:"status"`
			}
			if json.Unmarshal(doc, &is) == nil && slices.Contains([]string{is.ID, is.RequestID}, code) {
				return stateOf(is.Status), nil
			}
		}
	}
	return restore.ApprovalPending, nil // it may take a while until it is listed
}

func stateOf(status string) restore.ApprovalState {
	switch status {
	case "approved", "completed":
		return restore.ApprovalGranted
	case "rejected", "cancelled":
		return restore.ApprovalRefused
	case "expired":
		return restore.ApprovalOutdated
	default:
		return restore.ApprovalPending
	}
}
