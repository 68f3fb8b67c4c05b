package runstest

import (
	"fmt"
	"reflect"

	"github.com/tenantatlas/tenantatlas/runs"
)

// diff reports the first field in which got is not want, or nil. Whether
// something empty is nil makes no difference, the time zone of an instant does.
func diff(want, got *runs.Run) error {
	if got == nil {
		return fmt.Errorf("got no run, want %s", short(want.ID))
	}
	w, g := reflect.ValueOf(plain(want)), reflect.ValueOf(plain(got))
	for i := range w.NumField() {
		wf, gf := w.Field(i).Interface(), g.Field(i).Interface()
		if !reflect.DeepEqual(wf, gf) {
			return fmt.Errorf("%s = %s, want %s", w.Type().Field(i).Name, show(gf), show(wf))
		}
	}
	return nil
}

// plain is r with nil for everything empty.
func plain(r *runs.Run) runs.Run {
	c := *r.Clone()
	if len(c.Params) == 0 {
		c.Params = nil
	}
	if len(c.Context) == 0 {
		c.Context = nil
	}
	if len(c.Counts.Extra) == 0 {
		c.Counts.Extra = nil
	}
	if len(c.Failures) == 0 {
		c.Failures = nil
	}
	return c
}

func show(v any) string {
	text := fmt.Sprintf("%+v", v)
	if b, ok := v.([]byte); ok {
		text = fmt.Sprintf("%q", b)
	}
	if len(text) > 300 {
		text = fmt.Sprintf("%s… (%d bytes)", text[:300], len(text))
	}
	return text
}

// ids are the IDs of several runs, for comparing and for messages.
func ids(all []*runs.Run) []string {
	var names []string
	for _, r := range all {
		names = append(names, r.ID)
	}
	return names
}

// same reports an error unless got is want; nil is as good as empty.
func same[T any](what string, want, got []T) error {
	if len(want) == 0 && len(got) == 0 {
		return nil
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s = %s, want %s", what, show(got), show(want))
	}
	return nil
}
