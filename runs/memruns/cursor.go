package memruns

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/tenantatlas/tenantatlas/runs"
)

var errNoTenant = fmt.Errorf("%w: the query has no tenant", runs.ErrInvalid)

// sumSize is how many bytes of its checksum a cursor carries.
const sumSize = 8

// cursor returns the position behind last in the list that query describes.
func cursor(query, last string) string {
	sum := sha256.Sum256([]byte(query + "\n" + last))
	return base64.RawURLEncoding.EncodeToString(append(sum[:sumSize:sumSize], last...))
}

// position returns the last that made the cursor c, or "" for an empty one. It
// reports [runs.ErrBadCursor] for a cursor of another query.
func position(c, query string) (last string, err error) {
	if c == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(c)
	if err != nil || len(raw) <= sumSize {
		return "", runs.ErrBadCursor
	}
	if last = string(raw[sumSize:]); cursor(query, last) != c {
		return "", runs.ErrBadCursor
	}
	return last, nil
}

// queryText is q without the part that differs from page to page.
func queryText(q runs.Query) string {
	return fmt.Sprintf("runs %q %q %q %q %q %q %q %q %q %d %d", q.Tenant, q.IDs, q.Types, q.Statuses, q.Outcomes,
		q.Initiator.Kind, q.Initiator.ID, q.Target.Kind, q.Target.ID, q.From.UnixNano(), q.To.UnixNano())
}

func itemQueryText(q runs.ItemQuery) string {
	return fmt.Sprintf("items %q %q %q %q", q.Run.Tenant, q.Run.ID, q.Outcomes, q.Reason)
}
