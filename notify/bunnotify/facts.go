package bunnotify

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantatlas/notify"
	"github.com/tenantatlas/tenantatlas/runs"
)

// facts are what a notification says, as it is kept. The names stay as they
// are: there are rows with them.
type facts struct {
	ID        string       `json:"id"`
	Recipient runs.Actor   `json:"recipient"`
	Tenant    string       `json:"tenant"`
	Run       string       `json:"run"`
	Type      runs.Type    `json:"type"`
	Stage     runs.Status  `json:"stage"`
	Outcome   runs.Outcome `json:"outcome,omitempty"`
	Reason    runs.Reason  `json:"reason,omitempty"`
	Target    runs.Target  `json:"target,omitzero"`
	Total     int64        `json:"total,omitempty"`
	Succeeded int64        `json:"succeeded,omitempty"`
	Failed    int64        `json:"failed,omitempty"`
	Skipped   int64        `json:"skipped,omitempty"`
	At        int64        `json:"at"` // microseconds since 1970
}

func encode(n notify.Notification) (string, error) {
	raw, err := json.Marshal(facts{
		ID: n.ID, Recipient: n.Recipient, Tenant: n.Run.Tenant, Run: n.Run.ID, Type: n.Run.Type,
		Stage: n.Stage, Outcome: n.Outcome, Reason: n.Reason, Target: n.Target,
		Total: n.Counts.Total, Succeeded: n.Counts.Succeeded, Failed: n.Counts.Failed, Skipped: n.Counts.Skipped,
		At: n.At.UnixMicro(),
	})
	return string(raw), err
}

// decode returns the notification with these facts, unread.
func decode(raw string) (notify.Notification, error) {
	var f facts
	if err := json.Unmarshal([]byte(raw), &f); err != nil {
		return notify.Notification{}, fmt.Errorf("facts of a notification: %w", err)
	}
	return notify.Notification{
		ID: f.ID, Recipient: f.Recipient, Run: runs.Ref{Tenant: f.Tenant, ID: f.Run, Type: f.Type},
		Stage: f.Stage, Outcome: f.Outcome, Reason: f.Reason, Target: f.Target,
		Counts: runs.Counts{Total: f.Total, Succeeded: f.Succeeded, Failed: f.Failed, Skipped: f.Skipped},
		At:     time.UnixMicro(f.At).UTC(),
	}, nil
}
