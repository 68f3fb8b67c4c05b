package graphtest

import (
	"bytes"
	"regexp"
	"slices"
)

// rewritten returns a body as the service keeps it.
func (c *call) rewritten(body []byte) []byte {
	if len(c.quirks.Rewrites) == 0 || !isObject(bytes.TrimSpace(body)) {
		return body
	}
	return c.rewrite("", body)
}

var dateForm = regexp.MustCompile(`^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"$`)

// unordered are lists whose order means nothing to the service.
var unordered = []string{"roleScopeTagIds", "settings", "children", "assignments"} //nolint:gochecknoglobals // a constant table

func (c *call) rewrite(name string, value []byte) []byte {
	does := func(r Rewrite) bool { return slices.Contains(c.quirks.Rewrites, r) }
	switch {
	case isArray(value):
		all := slices.Collect(elements(value))
		if does(RewriteOrder) && slices.Contains(unordered, name) {
			slices.Reverse(all)
		}
		out := []byte("[")
		for _, e := range all {
			out = append(comma(out), c.rewrite("", e)...)
		}
		return append(out, ']')
	case isObject(value):
		w := newObject(len(value))
		for k, v := range membersOf(value) {
			if string(v) == "null" && does(RewriteNulls) {
				continue
			}
			w.raw(k, c.rewrite(k, v))
		}
		if does(RewriteAudit) && (name == "simpleSettingValue" || name == "choiceSettingValue") {
			w.raw("auditRuleInformation", []byte("null"))
		}
		return w.bytes()
	case string(value) == `""` && does(RewriteEmpty):
		return []byte("null")
	case does(RewriteDates) && dateForm.Match(value):
		at := bytes.TrimRight(value, `Z"`)
		whole, part, _ := bytes.Cut(at, []byte("."))
		for len(part) < 7 {
			part = append(slices.Clip(part), '0')
		}
		return slices.Concat(whole, []byte("."), part, []byte(`Z"`))
	}
	return value
}
