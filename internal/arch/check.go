package arch

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Repo is what [Scan] found in a repository.
type Repo struct {
	Imports []Import
	Modules []string // folders that have a go.mod, the root apart
}

// An Import is one import declaration.
type Import struct {
	File string // its path in the repository
	Path string // what it imports
}

func (i Import) pkg() string  { return path.Dir(i.File) }
func (i Import) test() bool   { return strings.HasSuffix(i.File, "_test.go") }
func (i Import) ours() string { return strings.TrimPrefix(i.Path, Module+"/") }

// Scan reads the imports of every Go file below root, whatever its build
// constraints, and leaves out what the go command does not look at: testdata,
// vendor, and folders whose names begin with a dot or an underscore. A file
// without imports appears once with an empty path.
//
// It reads the files itself instead of asking the go command, because the test
// cache notices a file that changed, but not a program that answers anew.
func Scan(root fs.FS) (Repo, error) {
	var repo Repo
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		switch {
		case d.IsDir() && name != "." && (base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")):
			return fs.SkipDir
		case base == "go.mod" && name != base:
			repo.Modules = append(repo.Modules, path.Dir(name))
		case !d.IsDir() && strings.HasSuffix(base, ".go"):
			imports, err := scanFile(root, name)
			if err != nil {
				return fmt.Errorf("read imports of %s: %w", name, err)
			}
			repo.Imports = append(repo.Imports, imports...)
		}
		return nil
	})
	return repo, err
}

func scanFile(root fs.FS, name string) ([]Import, error) {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	if len(f.Imports) == 0 {
		return []Import{{File: name}}, nil
	}
	var imports []Import
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		imports = append(imports, Import{File: name, Path: p})
	}
	return imports, nil
}

// Check returns a sentence for everything in the repository that the table
// does not allow, and for every row that the repository does not bear out.
func Check(repo Repo, table map[string]Row) []string {
	var problems []string
	exists := map[string]bool{}
	for _, imp := range repo.Imports {
		exists[imp.pkg()] = true
		if row, ok := table[imp.pkg()]; ok && !allowed(table, row, imp) {
			problems = append(problems, fmt.Sprintf("%s: %s may not import %s", imp.File, imp.pkg(), imp.ours()))
		}
	}
	for pkg := range exists {
		if row, ok := table[pkg]; !ok {
			problems = append(problems, fmt.Sprintf("%s: the package has no row", pkg))
		} else if row.Planned {
			problems = append(problems, fmt.Sprintf("%s: the package is marked as planned, but exists", pkg))
		}
	}
	for pkg, row := range table {
		has := slices.Contains(repo.Modules, pkg)
		switch {
		case !exists[pkg] && !row.Planned:
			problems = append(problems, fmt.Sprintf("%s: the package has a row that is not marked as planned, but does not exist", pkg))
		case exists[pkg] && row.Module != has:
			problems = append(problems, fmt.Sprintf("%s: the row says that it is a module: %t; it has a go.mod: %t", pkg, row.Module, has))
		}
	}
	for _, dir := range repo.Modules {
		if _, ok := table[dir]; !ok {
			problems = append(problems, fmt.Sprintf("%s: the module has no row", dir))
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

func allowed(table map[string]Row, row Row, imp Import) bool {
	host, _, _ := strings.Cut(imp.Path, "/")
	switch {
	case !strings.Contains(host, "."):
		return true // the standard library, or a file without imports
	case imp.Path == imp.ours():
		return under(imp.Path, row.Foreign) || imp.test() && under(imp.Path, TestForeign())
	}
	to := imp.ours()
	if listed(row.Ours, to) || to == "internal/canonjson" {
		return !table[to].Module || slices.Contains(row.Ours, to)
	}
	if !imp.test() || table[to].Module {
		return false
	}
	wing := top(imp.pkg())
	return to == imp.pkg() || top(to) == wing || slices.Contains(Wings()[wing], top(to))
}

// listed reports whether one of the patterns of a [Row] stands for pkg.
func listed(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		dir, tree := strings.CutSuffix(p, "/...")
		return p == All || p == pkg || tree && (pkg == dir || strings.HasPrefix(pkg, dir+"/"))
	})
}

func under(imp string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool {
		return imp == p || strings.HasPrefix(imp, p+"/")
	})
}

func top(pkg string) string {
	dir, _, _ := strings.Cut(pkg, "/")
	return dir
}

// CheckTable returns a sentence for everything in the table that contradicts
// itself: a package that no row describes, an arrow that points up or sideways
// between the wings, or from the root module into a nested one. A package that
// may import [All] stands above every wing.
func CheckTable(table map[string]Row) []string {
	var problems []string
	wings := Wings()
	for _, pkg := range slices.Sorted(maps.Keys(table)) {
		wing := top(pkg)
		if _, ok := wings[wing]; !ok {
			problems = append(problems, fmt.Sprintf("%s: the folder %s is no wing", pkg, wing))
		}
		for _, p := range table[pkg].Ours {
			to := strings.TrimSuffix(p, "/...")
			row, ok := table[to]
			switch {
			case p == All:
			case !ok:
				problems = append(problems, fmt.Sprintf("%s: may import %s, which has no row", pkg, to))
			case top(to) != wing && !slices.Contains(wings[wing], top(to)) && !slices.Contains(table[pkg].Ours, All):
				problems = append(problems, fmt.Sprintf("%s: may import %s, which is not below it", pkg, to))
			case row.Module && !table[pkg].Module && !strings.HasPrefix(pkg, to+"/"): // what is below a module is in it
				problems = append(problems, fmt.Sprintf("%s: may import %s, which is another module", pkg, to))
			}
		}
	}
	return problems
}
