package bunkit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Query runs a statement and calls row for each row of its result. It reads the
// result to its end, because a statement that writes has not committed before.
func Query(ctx context.Context, c Conn, text string, args []any, row func(rows *sql.Rows) error) (err error) {
	rows, err := c.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Explain says what a driver was doing when err came about. It is also the
// error of ctx if that has ended, which databases report in words of their own,
// and unavailable if the database could not be worked with; and it says what to
// do if there are no tables. The text of err stays in it, for logs. A nil err
// stays nil.
func Explain(ctx context.Context, doing string, err, unavailable error) error {
	switch ended := ctx.Err(); {
	case err == nil:
		return nil
	case ended != nil && errors.Is(err, ended):
	case ended != nil:
		return fmt.Errorf("%s: %w: %w", doing, ended, err)
	case Unreachable(err), Transient(err), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, context.DeadlineExceeded): // which then is one of the driver's, not of ctx
		return fmt.Errorf("%s: %w: %w", doing, unavailable, err)
	case outdated(err):
		return fmt.Errorf("%s: the tables are not those of this version, call Migrate first: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
