package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// A line of an export is an entry with its seal, or one of the two checkpoints.
type line struct {
	Entry      json.RawMessage `json:"entry,omitempty"`
	Seal       []byte          `json:"seal,omitempty"`
	Checkpoint json.RawMessage `json:"checkpoint,omitempty"`
}

// Export writes all that is kept of a tenant's chain as lines of JSON, so that
// [VerifyExport] can check it: the checkpoint of the end, before it one of the
// beginning if earlier entries were deleted, and a line for each entry, oldest
// first. What is recorded meanwhile is left out. It reports [ErrBroken] for an
// entry that cannot be read.
func (l *Log) Export(ctx context.Context, w io.Writer, tenant string) error {
	if err := l.export(ctx, w, tenant); err != nil {
		return fmt.Errorf("export the audit: %w", err)
	}
	return nil
}

func (l *Log) export(ctx context.Context, w io.Writer, tenant string) error {
	h, err := l.head(ctx, tenant)
	if err != nil {
		return err
	}
	last, err := l.ring.checked(h.Last, kindLast, tenant)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false) // an entry is sealed as it is
	for _, c := range []string{h.Base, h.Last} {
		if c == "" {
			continue
		}
		if err := enc.Encode(line{Checkpoint: json.RawMessage(c)}); err != nil {
			return err
		}
	}
	for row, err := range l.rows(ctx, tenant) {
		if err != nil {
			return err
		}
		if row.Seq > last.Seq {
			break
		}
		if _, err := decodeBody(row.Body); err != nil {
			return fmt.Errorf("%w: entry %d", ErrBroken, row.Seq) // an export of it would not be one
		}
		if err := enc.Encode(line{Entry: row.Body, Seal: row.Seal}); err != nil {
			return err
		}
	}
	return out.Flush()
}

// VerifyExport checks what [Log.Export] has written as [Log.Verify] does a
// chain, without a store. It reports [runs.ErrInvalid] for what is no export.
func VerifyExport(r io.Reader, tenant string, keys []Key, known ...Checkpoint) (Report, error) {
	ring, err := newRing(keys)
	if err != nil {
		return Report{}, err
	}
	in := &importer{scan: bufio.NewScanner(r)}
	in.scan.Buffer(nil, maxLine)
	report, err := ring.verify(tenant, in.rows(), in.head(), known)
	if err = errors.Join(in.err, err); err != nil {
		return Report{}, fmt.Errorf("verify an export: %w", err)
	}
	return report, nil
}

const maxLine = 64 << 10

// An importer reads an export line by line.
type importer struct {
	scan *bufio.Scanner
	line line // that was read last
	more bool // there is one
	err  error
}

func (in *importer) next() {
	in.line = line{}
	in.more = in.scan.Scan()
	if in.more {
		in.err = strict(in.scan.Bytes(), &in.line)
	} else {
		in.err = in.scan.Err()
	}
	in.more = in.more && in.err == nil
}

// head reads the checkpoints and the line behind them.
func (in *importer) head() (h Head) {
	for in.next(); in.more && in.line.Checkpoint != nil; in.next() {
		h.Base, h.Last = h.Last, string(in.line.Checkpoint)
	}
	return h
}

// rows are the entries. It is to be called after head.
func (in *importer) rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for ; in.more; in.next() {
			row := Row{Body: in.line.Entry, Seal: in.line.Seal}
			if b, err := decodeBody(row.Body); err == nil {
				row.Seq, row.Index = b.Seq, IndexOf(b.Entry)
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}
