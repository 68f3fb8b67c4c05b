package monitor

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// exportLimit is how many rows an export has at most, and exportReads how many
// pages of the store are read for them.
const (
	exportLimit = 10_000
	exportReads = 200
)

// A table is an export: pages of rows, each as CSV cells and as JSON.
type table struct {
	name string   // of the file, without its end
	head []string // of the CSV
	next func(ctx context.Context, after runs.Cursor) (rows []row, next runs.Cursor, err error)
}

type row struct {
	cells []string
	doc   any
}

// write streams the table as the format says. An answer that has begun cannot
// become an error any more, so a last row says that it is not whole.
func (h *Hub) write(w http.ResponseWriter, r *http.Request, t table, format string) error {
	rows, next, err := t.next(r.Context(), "")
	if err != nil {
		return err
	}
	contentType := "text/csv; charset=utf-8; header=present"
	out := func(row row) error { return json.NewEncoder(w).Encode(row.doc) }
	flush := func() {}
	if format == "csv" {
		cw := csv.NewWriter(w)
		out = func(row row) error { return cw.Write(safeCells(row.cells)) }
		flush = cw.Flush
	} else {
		contentType = "application/jsonl"
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Disposition", `attachment; filename="`+t.name+"."+format+`"`)
	header.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	if format == "csv" {
		_ = out(row{cells: t.head})
	}
	written, said := 0, ""
	for range exportReads {
		for _, row := range rows {
			if written++; written > exportLimit {
				break
			}
			_ = out(row) // a client that is gone ends the request's context, too
		}
		if flush(); next == "" || written > exportLimit {
			break
		}
		if rows, next, err = t.next(r.Context(), next); err != nil {
			h.cfg.Logger.ErrorContext(r.Context(), "export ended early", "path", r.URL.Path, "error", err)
			said, next = "incomplete: the store did not answer", ""
			break
		}
	}
	switch {
	case said != "":
	case written > exportLimit, next != "":
		said = "incomplete: there is more than an export holds; narrow the filter"
	}
	if said != "" {
		cells := make([]string, len(t.head))
		cells[0] = said
		_ = out(row{cells, map[string]string{"incomplete": said}})
		flush()
	}
	return nil
}

// safeCells are cells that a spreadsheet shows as text. One that begins like a
// formula gets an apostrophe in front; see OWASP ASVS 5.0, 1.2.10.
func safeCells(cells []string) []string {
	safe := make([]string, len(cells))
	for i, s := range cells {
		if strings.ContainsAny(firstRune(s), "=+-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20") {
			s = "'" + s
		}
		safe[i] = s
	}
	return safe
}

// firstRune is what a spreadsheet sees first: it may pass over spaces.
func firstRune(s string) string {
	trimmed := strings.TrimLeft(s, " \u00a0\u3000\ufeff")
	for i := range trimmed {
		if i > 0 {
			return trimmed[:i]
		}
	}
	return trimmed
}

// runsExport exports the runs that the filter of the address selects.
func (h *Hub) runsExport(format string) func(w http.ResponseWriter, r *http.Request, p *page) error {
	return func(w http.ResponseWriter, r *http.Request, p *page) error {
		f, err := ParseQuery(r.URL.Query(), p.Actor, p.Now)
		if err != nil {
			return err
		}
		f.Query.Limit, f.Query.After = runs.MaxLimit, ""
		return h.write(w, r, table{
			name: "runs-" + fileName(p.Tenant),
			head: []string{"id", "type", "status", "outcome", "target", "initiator", "created_at", "started_at", "completed_at", "total", "succeeded", "failed", "skipped", "attempt", "reason", "message"},
			next: func(ctx context.Context, after runs.Cursor) ([]row, runs.Cursor, error) {
				f.Query.After = after
				page, err := h.api.readRuns(ctx, Viewer{p.Actor, p.Tenant}, f)
				if err != nil {
					return nil, "", err
				}
				rows := make([]row, len(page.Runs))
				for i, run := range page.Runs {
					rows[i] = row{runCells(run), NewDocument(run, p.Base+apiPath)}
				}
				return rows, page.Next, nil
			},
		}, format)
	}
}

func runCells(r *runs.Run) []string {
	target, who := r.Target.Name, r.Initiator.Name
	if target == "" {
		target = r.Target.ID
	}
	if who == "" {
		who = r.Initiator.ID
	}
	n := func(i int64) string { return strconv.FormatInt(i, 10) }
	return []string{
		r.ID, string(r.Type), string(r.Status), string(r.Outcome), target, who, stamp(r.CreatedAt), stamp(r.StartedAt), stamp(r.CompletedAt),
		n(r.Counts.Total), n(r.Counts.Succeeded), n(r.Counts.Failed), n(r.Counts.Skipped), strconv.Itoa(r.Attempt),
		string(r.Failure.Reason), r.Failure.Message,
	}
}

// stamp is an instant in a cell; empty for the zero one.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// itemsExport exports the items of a run that the filter of the address selects.
func (h *Hub) itemsExport(format string) func(w http.ResponseWriter, r *http.Request, p *page) error {
	return func(w http.ResponseWriter, r *http.Request, p *page) error {
		run, err := h.api.readRun(r.Context(), Viewer{p.Actor, p.Tenant}, r.PathValue("id"))
		if err != nil {
			return err
		}
		f, err := parseItemQuery(r.URL.Query())
		if err != nil {
			return err
		}
		f.query.Run, f.query.Limit = run.Ref(), runs.MaxLimit
		return h.write(w, r, table{
			name: "items-" + fileName(run.Ref().Short()),
			head: []string{"key", "outcome", "reason", "message", "attempt", "at"},
			next: func(ctx context.Context, after runs.Cursor) ([]row, runs.Cursor, error) {
				f.query.After = after
				page, err := h.api.readItems(ctx, f)
				if err != nil {
					return nil, "", err
				}
				rows := make([]row, len(page.Items))
				for i, it := range page.Items {
					rows[i] = row{[]string{it.Key, string(it.Outcome), string(it.Reason), it.Message, strconv.Itoa(it.Attempt), stamp(it.At)}, it}
				}
				return rows, page.Next, nil
			},
		}, format)
	}
}

// fileName is s without what a file's name should not have.
func fileName(s string) string {
	return strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' {
			return c
		}
		return '_'
	}, s)
}
