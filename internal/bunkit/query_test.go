package bunkit_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/tenantatlas/tenantatlas/internal/bunkit"
	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func TestExplain(t *testing.T) {
	var (
		down    = errors.New("down")
		odd     = errors.New("odd")
		over, c = context.WithCancel(t.Context())
	)
	c()
	for name, test := range map[string]struct {
		ctx  context.Context //nolint:containedctx // of one case
		err  error
		want []error // what the result is
		not  error   // and is not
		text string
	}{
		"nothing":       {ctx: t.Context()},
		"anything":      {t.Context(), odd, []error{odd}, down, "doing: odd"},
		"unreachable":   {t.Context(), sql.ErrConnDone, []error{sql.ErrConnDone, down}, context.Canceled, "doing: down: sql: connection is already closed"},
		"the driver's":  {t.Context(), context.DeadlineExceeded, []error{context.DeadlineExceeded, down}, odd, "doing: down: context deadline exceeded"},
		"ended":         {over, context.Canceled, []error{context.Canceled}, down, "doing: context canceled"},
		"in own words":  {over, odd, []error{odd, context.Canceled}, down, "doing: context canceled: odd"},
		"ended and off": {over, sql.ErrConnDone, []error{context.Canceled}, down, "doing: context canceled: sql: connection is already closed"},
	} {
		t.Run(name, func(t *testing.T) {
			err := bunkit.Explain(test.ctx, "doing", test.err, down)
			if test.err == nil {
				if err != nil {
					t.Errorf("Explain(nil) = %v", err)
				}
				return
			}
			if err.Error() != test.text || errors.Is(err, test.not) {
				t.Errorf("got %v, want %q, and not %v", err, test.text, test.not)
			}
			for _, want := range test.want {
				if !errors.Is(err, want) {
					t.Errorf("%v is not %v", err, want)
				}
			}
		})
	}
}

func TestQuery(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db sqltest.DB) {
		var got []int
		stop := errors.New("stop")
		each := func(rows *sql.Rows) error {
			var n int
			if err := rows.Scan(&n); err != nil {
				return err
			}
			if got = append(got, n); n == 3 {
				return stop
			}
			return nil
		}
		for text, want := range map[string]error{
			"SELECT 1 UNION ALL SELECT 2":          nil,
			"SELECT 3 UNION ALL SELECT 4":          stop,
			"SELECT 'text'":                        errors.ErrUnsupported, // any
			"SELECT nothing FROM no_table_is_here": errors.ErrUnsupported,
		} {
			got = nil
			err := bunkit.Query(t.Context(), db.Read.DB, text, nil, each)
			if (err == nil) != (want == nil) || errors.Is(want, stop) && (!errors.Is(err, stop) || len(got) != 1) {
				t.Errorf("%s: %v after %v, want %v", text, err, got, want)
			}
		}
	})
}
