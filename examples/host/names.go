package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantatlas/graphclient/contract"
	"github.com/tenantatlas/tenantatlas/inventory"
	"github.com/tenantatlas/tenantatlas/inventory/directory"
	"github.com/tenantatlas/tenantatlas/restore"
	"github.com/tenantatlas/tenantatlas/restore/backup"
)

// kindOfIDs is the kind of the things whose ids a property holds, of those that
// people know by their names; empty for other properties.
func kindOfIDs(property string) string {
	switch property {
	case "groupId", "includeGroups", "excludeGroups":
		return contract.TargetGroup
	case "deviceAndAppManagementAssignmentFilterId":
		return "assignmentFilter"
	case "roleScopeTagIds", "roleScopeTags":
		return "roleScopeTag"
	}
	return ""
}

// A naming is what things are called whose ids are in differences. Nil names none.
type naming map[inventory.Ref]string

// namesShown is how many different things the differences of one page name.
const namesShown = 200

// namesIn finds out what the things are called that differences lead to, from the
// stores alone. What a restore creates itself has the name that it has there.
func (h *host) namesIn(r *http.Request, doc *restore.Restore, items []restore.Item) (naming, error) {
	refs := make(map[inventory.Ref]bool)
	for _, i := range items {
		for _, c := range i.Changes {
			for _, value := range []string{c.Before, c.After} {
				named(c.Pointer, value, func(ref inventory.Ref) string {
					if len(refs) < namesShown {
						refs[ref] = true
					}
					return ""
				})
			}
		}
	}
	names, err := h.find.Names(r.Context(), doc.Tenant, slices.Collect(maps.Keys(refs)))
	if err != nil {
		return nil, err
	}
	for _, m := range doc.Mapping {
		if ref := (inventory.Ref{Kind: m.Kind, ID: restore.Pending + m.ID}); refs[ref] {
			names[ref] = unresolved(m.Name, m.ID) + " (of this restore)"
		}
	}
	return naming(names).distinct(), nil
}

// captured is what a version's things were called when it was captured.
func captured(versions ...*backup.Payload) naming {
	names := make(naming)
	for _, p := range versions {
		for _, ref := range p.References {
			if ref.Name != "" {
				names[inventory.Ref{Kind: ref.Kind, ID: ref.ID}] = ref.Name
			}
		}
	}
	return names.distinct()
}

// distinct adds the end of the id to names that several things have.
func (n naming) distinct() naming {
	count := make(map[string]int)
	for _, name := range n {
		count[name]++
	}
	for ref, name := range n {
		if count[name] > 1 {
			n[ref] = name + strings.TrimPrefix(directory.Unresolved(ref.ID), "Unresolved")
		}
	}
	return n
}

// rows turns changes into rows, in which names are in the place of ids.
func (n naming) rows(changes []inventory.Change) []row {
	rows := make([]row, len(changes))
	for i, c := range changes {
		var ids []string
		name := func(ref inventory.Ref) string {
			is := n[ref]
			if is == "" && ref.Kind == contract.TargetGroup {
				is = directory.Unresolved(ref.ID)
			}
			if id := is + ": " + ref.ID; is != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
			return is
		}
		rows[i] = row{
			Where: where(c.Pointer), Before: readable(named(c.Pointer, c.Before, name)), After: readable(named(c.Pointer, c.After, name)),
			IDs: strings.Join(ids, "\n"), Gone: c.After == "", New: c.Before == "",
		}
		rows[i].trim()
	}
	return rows
}

// named is a JSON value with what name returns in the place of each id; an empty
// name leaves the id. A value that was cut stays as it is.
func named(pointer, value string, name func(ref inventory.Ref) string) string {
	var v any
	dec := json.NewDecoder(strings.NewReader(value))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return value
	}
	changed := false
	v = eachID(property(pointer), v, func(ref inventory.Ref) string {
		is := name(ref)
		changed = changed || is != ""
		return is
	})
	if !changed {
		return value
	}
	text, err := json.Marshal(v)
	if err != nil {
		return value
	}
	return string(text)
}

// property is the last name in a pointer.
func property(pointer string) string {
	parts := strings.Split(pointer, "/")
	for _, part := range slices.Backward(parts) {
		if _, err := strconv.Atoi(part); err != nil {
			return part
		}
	}
	return ""
}

// eachID calls name with everything that a value refers to by an id.
func eachID(property string, value any, name func(ref inventory.Ref) string) any {
	switch is := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(is)) {
			is[key] = eachID(key, is[key], name)
		}
	case []any:
		for i, v := range is {
			is[i] = eachID(property, v, name)
		}
	case string:
		if kind := kindOfIDs(property); kind != "" && is != "" {
			if called := name(inventory.Ref{Kind: kind, ID: is}); called != "" {
				return called
			}
		}
	}
	return value
}
