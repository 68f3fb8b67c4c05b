package arch

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Depguard returns the table as rules of the linter depguard, for the
// editor's sake: they name the same imports as [Check], while one types. Tests
// are left to Check.
func Depguard(table map[string]Row) string {
	var b strings.Builder
	for _, pkg := range slices.Sorted(maps.Keys(table)) {
		row := table[pkg]
		allow := []string{"$gostd", Module + "/internal/canonjson$"}
		for _, p := range row.Ours {
			dir, tree := strings.CutSuffix(p, "/...")
			switch {
			case p == All:
				allow = append(allow, Module)
			case tree:
				allow = append(allow, Module+"/"+dir)
			default:
				allow = append(allow, Module+"/"+dir+"$")
			}
		}
		allow = widest(append(allow, row.Foreign...))
		fmt.Fprintf(&b, "        %s:\n", strings.ReplaceAll(pkg, "/", "-"))
		b.WriteString("          list-mode: strict\n")
		fmt.Fprintf(&b, "          files: [\"**/%s/*.go\", \"!$test\"]\n", pkg)
		fmt.Fprintf(&b, "          allow: [%s]\n", `"`+strings.Join(allow, `", "`)+`"`)
	}
	return b.String()
}

// widest leaves out what another entry allows too. Depguard compares an import
// with one entry only, the last before it in the alphabet, so that a narrow
// one hides the wider one from all that comes after it.
func widest(allow []string) []string {
	return slices.DeleteFunc(slices.Clone(allow), func(entry string) bool {
		return slices.ContainsFunc(allow, func(wider string) bool {
			return wider != entry && strings.HasPrefix(entry, wider)
		})
	})
}
