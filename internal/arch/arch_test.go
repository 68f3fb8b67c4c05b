package arch_test

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantatlas/internal/arch"
)

var update = flag.Bool("update", false, "write the import rules into .golangci.yml")

func TestImports(t *testing.T) {
	repo, err := arch.Scan(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range arch.Check(repo, arch.Table()) {
		t.Error(problem)
	}
}

func TestTable(t *testing.T) {
	for _, problem := range arch.CheckTable(arch.Table()) {
		t.Error(problem)
	}
}

// The linter's rules are generated, so that they cannot say something else.
func TestDepguard(t *testing.T) {
	const (
		file  = "../../.golangci.yml"
		begin = "        # begin imports: go test ./internal/arch -update\n"
		end   = "        # end imports\n"
	)
	config, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := bytes.Cut(config, []byte(begin))
	got, tail, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		t.Fatalf("%s has no lines %q and %q", file, begin, end)
	}
	want := arch.Depguard(arch.Table())
	if *update {
		config = bytes.Join([][]byte{head, []byte(begin), []byte(want), []byte(end), tail}, nil)
		if err := os.WriteFile(file, config, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("rules in %s differ from the table; run: go test ./internal/arch -update (-want +got):\n%s", file, diff)
	}
}

// Next to the whole module, canonjson or a nested module would forbid what
// stands after it in the alphabet.
func TestDepguardListsWidestOnly(t *testing.T) {
	got := arch.Depguard(map[string]arch.Row{
		"examples/host":       {Ours: []string{"inventory", arch.All, "runs/natsruns"}},
		"examples/quickstart": {Ours: []string{"runs", "runs/..."}},
	})
	const want = `        examples-host:
          list-mode: strict
          files: ["**/examples/host/*.go", "!$test"]
          allow: ["$gostd", "github.com/tenantatlas/tenantatlas"]
        examples-quickstart:
          list-mode: strict
          files: ["**/examples/quickstart/*.go", "!$test"]
          allow: ["$gostd", "github.com/tenantatlas/tenantatlas/internal/canonjson$", "github.com/tenantatlas/tenantatlas/runs"]
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Depguard (-want +got):\n%s", diff)
	}
}

func TestScan(t *testing.T) {
	root := fstest.MapFS{
		"go.mod":                  {},
		"runs/run.go":             {Data: []byte("package runs\n")},
		"runs/run_test.go":        {Data: []byte("package runs_test\nimport (\n\t\"testing\"\n\tx \"example.com/x\"\n)\n")},
		"runs/windows.go":         {Data: []byte("//go:build windows\n\npackage runs\nimport _ \"example.com/win\"\n")},
		"runs/testdata/a.go":      {Data: []byte("not Go")},
		"runs/_old/a.go":          {Data: []byte("not Go")},
		".git/a.go":               {Data: []byte("not Go")},
		"runs/natsruns/go.mod":    {},
		"runs/natsruns/nats.go":   {Data: []byte("package natsruns\nimport \"example.com/nats\"\n")},
		"runs/testdata/m/go.mod":  {},
		"docs/architecture.md":    {},
		"examples/host/static.js": {},
	}
	want := arch.Repo{
		Imports: []arch.Import{
			{File: "runs/natsruns/nats.go", Path: "example.com/nats"},
			{File: "runs/run.go"},
			{File: "runs/run_test.go", Path: "testing"},
			{File: "runs/run_test.go", Path: "example.com/x"},
			{File: "runs/windows.go", Path: "example.com/win"},
		},
		Modules: []string{"runs/natsruns"},
	}
	got, err := arch.Scan(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Scan (-want +got):\n%s", diff)
	}
}

func TestScanReportsBrokenFile(t *testing.T) {
	root := fstest.MapFS{"runs/run.go": {Data: []byte("import runs")}}
	if _, err := arch.Scan(root); err == nil {
		t.Error("Scan of a file that does not parse reports no error")
	}
}

func TestCheck(t *testing.T) {
	const m = arch.Module + "/"
	table := map[string]arch.Row{
		"runs":               {},
		"runs/memruns":       {Ours: []string{"runs"}},
		"runs/natsruns":      {Ours: []string{"runs"}, Foreign: []string{"example.com/nats"}, Module: true},
		"inventory":          {Ours: []string{"runs"}},
		"examples/host":      {Ours: []string{arch.All}},
		"examples/tour":      {Ours: []string{"runs/..."}},
		"internal/canonjson": {},
		"restore":            {Planned: true},
	}
	sound := []arch.Import{
		{File: "runs/run.go", Path: "context"},
		{File: "runs/memruns/memruns.go", Path: m + "runs"},
		{File: "runs/natsruns/nats.go", Path: "example.com/nats/jetstream"},
		{File: "inventory/sync.go", Path: m + "internal/canonjson"},
		{File: "examples/host/main.go", Path: m + "inventory"},
		{File: "examples/tour/main.go", Path: m + "runs/memruns"},
		{File: "internal/canonjson/canon.go"},
	}
	modules := []string{"runs/natsruns"}
	tests := []struct {
		name    string
		extra   []arch.Import
		modules []string
		want    []string
	}{
		{name: "sound", modules: modules},
		{
			name:    "not listed",
			extra:   []arch.Import{{File: "runs/memruns/x.go", Path: m + "inventory"}},
			modules: modules,
			want:    []string{"runs/memruns/x.go: runs/memruns may not import inventory"},
		},
		{
			name:    "outside the tree",
			extra:   []arch.Import{{File: "examples/tour/x.go", Path: m + "inventory"}},
			modules: modules,
			want:    []string{"examples/tour/x.go: examples/tour may not import inventory"},
		},
		{
			name:    "foreign",
			extra:   []arch.Import{{File: "runs/x.go", Path: "example.com/nats"}},
			modules: modules,
			want:    []string{"runs/x.go: runs may not import example.com/nats"},
		},
		{
			name:    "foreign with the same beginning",
			extra:   []arch.Import{{File: "runs/natsruns/x.go", Path: "example.com/natsy"}},
			modules: modules,
			want:    []string{"runs/natsruns/x.go: runs/natsruns may not import example.com/natsy"},
		},
		{
			name:    "nested module from the root",
			extra:   []arch.Import{{File: "examples/host/x.go", Path: m + "runs/natsruns"}},
			modules: modules,
			want:    []string{"examples/host/x.go: examples/host may not import runs/natsruns"},
		},
		{
			name: "tests within and below the wing",
			extra: []arch.Import{
				{File: "runs/run_test.go", Path: m + "runs/memruns"},
				{File: "runs/run_test.go", Path: "github.com/google/go-cmp/cmp"},
				{File: "inventory/sync_test.go", Path: m + "runs/memruns"},
				{File: "inventory/sync_test.go", Path: m + "inventory"},
			},
			modules: modules,
		},
		{
			name: "tests above the wing",
			extra: []arch.Import{
				{File: "runs/run_test.go", Path: m + "inventory"},
				{File: "runs/run_test.go", Path: m + "runs/natsruns"},
				{File: "runs/run_test.go", Path: "github.com/stretchr/testify"},
			},
			modules: modules,
			want: []string{
				"runs/run_test.go: runs may not import github.com/stretchr/testify",
				"runs/run_test.go: runs may not import inventory",
				"runs/run_test.go: runs may not import runs/natsruns",
			},
		},
		{
			name:    "no row",
			extra:   []arch.Import{{File: "util/util.go"}},
			modules: append(modules, "tools"),
			want:    []string{"tools: the module has no row", "util: the package has no row"},
		},
		{
			name:    "planned but there",
			extra:   []arch.Import{{File: "restore/restore.go"}},
			modules: modules,
			want:    []string{"restore: the package is marked as planned, but exists"},
		},
		{
			name: "module without go.mod",
			want: []string{"runs/natsruns: the row says that it is a module: true; it has a go.mod: false"},
		},
		{
			name:    "go.mod without a word",
			modules: append(modules, "inventory"),
			want:    []string{"inventory: the row says that it is a module: false; it has a go.mod: true"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			repo := arch.Repo{Imports: append(test.extra, sound...), Modules: test.modules}
			if diff := cmp.Diff(test.want, arch.Check(repo, table)); diff != "" {
				t.Errorf("Check (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("listed but gone", func(t *testing.T) {
		want := []string{"runs: the package has a row that is not marked as planned, but does not exist"}
		if diff := cmp.Diff(want, arch.Check(arch.Repo{Imports: sound[1:], Modules: modules}, table)); diff != "" {
			t.Errorf("Check (-want +got):\n%s", diff)
		}
	})
}

func TestCheckTable(t *testing.T) {
	got := arch.CheckTable(map[string]arch.Row{
		"runs":              {Ours: []string{"inventory"}},
		"runs/natsruns":     {Ours: []string{"runs"}, Module: true},
		"runs/natsruns/cmd": {Ours: []string{"runs/natsruns"}},
		"inventory":         {Ours: []string{"runs", "notify", "runs/natsruns"}},
		"examples/host":     {Ours: []string{arch.All, "runs/..."}},
		"notify":            {},
		"util":              {},
		"restore":           {Ours: []string{"gone"}},
		"internal/all":      {Ours: []string{arch.All, "runs/natsruns"}, Module: true},
		"internal/kit":      {Ours: []string{"runs"}},
	})
	want := []string{
		"internal/kit: may import runs, which is not below it",
		"inventory: may import notify, which is not below it",
		"inventory: may import runs/natsruns, which is another module",
		"restore: may import gone, which has no row",
		"runs: may import inventory, which is not below it",
		"util: the folder util is no wing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("CheckTable (-want +got):\n%s", diff)
	}
}
