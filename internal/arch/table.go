package arch

// Table returns the rows by the folders of their packages. A package without
// a row may not exist.
func Table() map[string]Row {
	const (
		contract = "graphclient/contract"
		bunkit   = "internal/bunkit"
		bun      = "github.com/uptrace/bun"
		xsync    = "golang.org/x/sync"
		pgx      = "github.com/jackc/pgx/v5"
		sqlite   = "modernc.org/sqlite"
	)
	return map[string]Row{
		"runs":           {}, // the core: standard library only
		"runs/memruns":   {Ours: []string{"runs"}},
		"runs/bunruns":   {Ours: []string{"runs", bunkit}, Foreign: []string{bun}},
		"runs/pondruns":  {Ours: []string{"runs"}, Foreign: []string{"github.com/alitto/pond/v2"}},
		"runs/riverruns": {Ours: []string{"runs", "runs/riverruns"}, Foreign: []string{"github.com/riverqueue/river", pgx}, Module: true},
		"runs/natsruns":  {Ours: []string{"runs", "runs/natsruns"}, Foreign: []string{"github.com/nats-io/nats.go", "github.com/nats-io/nats-server/v2"}, Module: true}, // the server for tests
		"runs/otelruns":  {Ours: []string{"runs", "runs/otelruns"}, Foreign: []string{"go.opentelemetry.io/otel"}, Module: true},
		"runs/runstest":  {Ours: []string{"runs", "runs/memruns"}},
		"runs/monitor":   {Ours: []string{"runs", "runs/audit"}}, // pages read stores alone
		"runs/audit":     {Ours: []string{"runs"}},
		"runs/memaudit":  {Ours: []string{"runs", "runs/audit"}},
		"runs/bunaudit":  {Ours: []string{"runs", "runs/audit", bunkit}, Foreign: []string{bun}},
		// The suite of the drivers above.
		"runs/audit/audittest": {Ours: []string{"runs", "runs/audit"}},
		"runs/prune":           {Ours: []string{"runs"}},
		"runs/schedule":        {Ours: []string{"runs"}, Planned: true},

		"notify":            {Ours: []string{"runs"}},
		"notify/memnotify":  {Ours: []string{"notify", "runs"}}, // a notification is of a run
		"notify/bunnotify":  {Ours: []string{"notify", "runs", bunkit}, Foreign: []string{bun}},
		"notify/notifytest": {Ours: []string{"notify", "runs"}},
		// Apart from notify, so that who only has an inbox has no HTTP client.
		"notify/webhook": {Ours: []string{"notify", "runs"}},
		"notify/smtpnotify": {Ours: []string{"notify", "runs", "notify/smtpnotify"}, Foreign: []string{
			"github.com/wneessen/go-mail", "github.com/emersion", // a server for tests
		}, Module: true},
		"notify/bell": {Ours: []string{"notify", "runs", "runs/monitor"}},

		"graphclient":           {Ours: []string{contract}, Foreign: []string{xsync}},
		"graphclient/contract":  {}, // knowledge without input or output
		"graphclient/graphtest": {}, // shares no code with the client that it tests

		"inventory":           {Ours: []string{"runs", contract, "internal/parallel"}},
		"inventory/directory": {Ours: []string{"runs"}},
		"inventory/drift":     {Ours: []string{"inventory", "runs", contract}, Planned: true},
		// It imports runs to declare what of a Graph error may be shown.
		"inventory/graphsource":   {Ours: []string{"inventory", "inventory/directory", "graphclient", contract, "runs"}, Foreign: []string{xsync}},
		"inventory/meminventory":  {Ours: []string{"inventory", "inventory/directory", "inventory/drift"}},
		"inventory/buninventory":  {Ours: []string{"inventory", "inventory/directory", "inventory/drift", bunkit}, Foreign: []string{bun}},
		"inventory/inventorytest": {Ours: []string{"inventory", "inventory/directory", "inventory/drift"}},

		"restore/backup":      {Ours: []string{"inventory", "runs", contract, "internal/parallel"}},
		"restore":             {Ours: []string{"restore/backup", "inventory", "inventory/directory", "runs", contract, "internal/parallel"}},
		"restore/graphtarget": {Ours: []string{"restore", "graphclient", contract, "inventory/graphsource", "runs"}},
		"restore/memrestore":  {Ours: []string{"restore", "restore/backup", "inventory", "runs"}},
		"restore/bunrestore":  {Ours: []string{"restore", "restore/backup", "inventory", "runs", bunkit}, Foreign: []string{bun}},
		"restore/restoretest": {Ours: []string{"restore", "restore/backup", "inventory", "runs"}},

		"examples/quickstart": {Ours: []string{"runs/..."}},
		"examples/embed":      {Ours: []string{"runs/..."}, Foreign: []string{bun, sqlite}},
		"examples/host": {Ours: []string{All}, Foreign: []string{
			pgx, sqlite, bun, "golang.org/x/oauth2", "github.com/prometheus/client_golang",
		}},
		"examples/riverhost": {Ours: []string{All, "runs/riverruns"}, Foreign: []string{
			pgx, bun, "github.com/riverqueue/river",
		}, Module: true},

		"internal/arch":      {},
		"internal/bunkit":    {Foreign: []string{bun}},
		"internal/canonjson": {},
		// It puts whole processes together, so it stands above what it kills.
		"internal/crashtest":       {Ours: []string{All}},
		"internal/crashtest/model": {Ours: []string{All}, Foreign: []string{"github.com/anishathalye/porcupine"}},
		"internal/enginetest":      {Ours: []string{All}}, // above the runs whose dispatchers it tests
		"internal/graphbench":      {Ours: []string{All}}, // a server for benchmarks
		"internal/htmlcheck":       {Foreign: []string{"golang.org/x/net/html"}},
		"internal/parallel":        {Foreign: []string{xsync}},
		"internal/sqltest":         {Ours: []string{bunkit}, Foreign: []string{bun, pgx, sqlite}},
		// The commands that check.sh runs.
		"internal/sqltest/withpostgres": {Ours: []string{"internal/sqltest"}},

		"internal/bench": {Ours: []string{All, "runs/riverruns", "internal/bench/riverpeer"}, Foreign: []string{
			pgx, sqlite, bun, xsync, "github.com/riverqueue/river", "github.com/hibiken/asynq", "github.com/microsoftgraph", "github.com/microsoft",
		}, Module: true},
		// The peer, and the same on SQLite, which takes an older River.
		"internal/bench/riverpeer":          {Foreign: []string{"github.com/riverqueue/river"}, Module: true},
		"internal/bench/riverpeer/onsqlite": {Ours: []string{"internal/bench/riverpeer"}, Foreign: []string{"github.com/riverqueue/river", sqlite}},
		"internal/browsertest":              {Ours: []string{All}, Foreign: []string{"github.com/chromedp", "github.com/pb33f"}, Module: true},
	}
}
