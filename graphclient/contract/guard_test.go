package contract_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// endpoint matches text that names a place of Graph. Routes of a program's own
// do not match: "groups" has to come first in the path, or right after the
// version.
var endpoint = regexp.MustCompile(`(?i)` +
	`\b(deviceManagement|deviceAppManagement|officeConfiguration|identityGovernance|roleManagement|directoryObjects)/` +
	`|\bidentity/conditionalAccess\b` +
	`|\$batch\b|\bgetByIds\b` +
	`|^/?groups/delta|^/groups(\?|$)|/(beta|v1\.0)/(groups|users|devices|organization)\b`)

// exempt are the folders that may name endpoints: the registry, and the
// server that has to know them without it.
func exempt(dir string) bool {
	dir = filepath.ToSlash(dir)
	return dir == "graphclient/contract" || dir == "graphclient/graphtest" || strings.HasPrefix(dir, "graphclient/graphtest/")
}

// TestNoEndpointElsewhere parses the whole repository, nested modules
// included, without its tests.
func TestNoEndpointElsewhere(t *testing.T) {
	files := 0
	err := filepath.WalkDir(repositoryRoot, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, relErr := filepath.Rel(repositoryRoot, path)
		if relErr != nil {
			return relErr
		}
		switch {
		case d.IsDir() && (exempt(name) || d.Name() == "testdata" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files++
		found, err := endpoints(path, nil)
		for _, f := range found {
			t.Errorf("%s: %s: endpoints belong into graphclient/contract", name, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Error("found no files to look at")
	}
}

// endpoints returns the string literals of a file that name an endpoint, with
// their line. A nil src reads the file.
func endpoints(name string, src any) ([]string, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			if n.Kind == token.STRING && err == nil && endpoint.MatchString(text) {
				found = append(found, strconv.Itoa(fset.Position(n.Pos()).Line)+" "+n.Value)
			}
		}
		return true
	})
	return found, nil
}

func TestGuardIsSharp(t *testing.T) {
	for text, want := range map[string]bool{
		"/deviceManagement/intents":                          true,
		"deviceAppManagement/mobileApps":                     true,
		"https://graph.microsoft.com/beta/deviceManagement/": true,
		"/identity/conditionalAccess/policies":               true,
		"identity/conditionalAccess":                         true,
		"/officeConfiguration/clientConfigurations":          true,
		"/$batch":                                true,
		"/groups":                                true,
		"/groups/delta":                          true,
		"/groups?$select=id":                     true,
		"https://graph.microsoft.com/v1.0/users": true,
		"/directoryObjects/getByIds":             true,
		"/api/v1/t/{tenant}/groups":              false,
		"GET /t/{tenant}/groups":                 false,
		"/groups.html":                           false,
		"directory.groups.sync":                  false,
		"deviceManagementScript":                 false,
		"DeviceManagementConfiguration.Read.All": false,
		"https://graph.microsoft.com":            false,
		"https://graph.microsoft.com/.default":   false,
	} {
		found, err := endpoints("x.go", "package x\nimport _ \"example.com/deviceManagement/x\"\nvar v = "+strconv.Quote(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(found) > 0; got != want {
			t.Errorf("%q names an endpoint: %t, want %t", text, got, want)
		}
	}
}
