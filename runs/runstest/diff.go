package runstest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantatlas/runs"
)

// diff reports the first field in which got is not want, or nil. Whether
// something empty is nil makes no difference, the time zone of an instant does.
func diff(want, got *runs.Run) error {
	if got == nil {
		return fmt.Errorf("got no run, want %s", short(want.ID))
	}
	return diffValue("", reflect.ValueOf(plain(want)), reflect.ValueOf(plain(got)))
}

func diffValue(path string, want, got reflect.Value) error {
	if _, instant := reflect.TypeAssert[time.Time](want); want.Kind() == reflect.Struct && !instant {
		for i := range want.NumField() {
			name := strings.TrimPrefix(path+"."+want.Type().Field(i).Name, ".")
			if err := diffValue(name, want.Field(i), got.Field(i)); err != nil {
				return err
			}
		}
		return nil
	}
	if w, g := want.Interface(), got.Interface(); !reflect.DeepEqual(w, g) {
		return fmt.Errorf("%s = %s, want %s", path, show(g), show(w))
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

// show makes v readable, whatever it holds.
func show(v any) string {
	var text string
	switch v := v.(type) {
	case time.Time:
		text = v.Format(time.RFC3339Nano)
	case json.RawMessage:
		text = strconv.Quote(string(v))
	case bool, int, int64, map[string]int64:
		text = fmt.Sprint(v)
	default:
		text = fmt.Sprintf("%+q", v)
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
