// Withpostgres runs a command with a throw-away PostgreSQL, whose URL it puts
// into TENANTATLAS_POSTGRES, so that the test binaries of all packages share
// one server:
//
//	go run ./internal/sqltest/withpostgres go test ./...
//
// With -quick the server is one for tests alone: what is measured there means
// nothing.
//
// With the variable set already it just runs the command. Without PostgreSQL
// on the machine it says so and runs the command, or fails if CI is true.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/tenantatlas/tenantatlas/internal/sqltest"
)

func main() {
	quick := flag.Bool("quick", false, "start a server that is too fast for figures")
	flag.Parse()
	var settings []string
	if *quick {
		settings = sqltest.Quick()
	}
	err := run(flag.Args(), settings)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(max(exit.ExitCode(), 1))
	case err != nil:
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
		os.Exit(1)
	}
}

func run(command, settings []string) error {
	if len(command) == 0 {
		return errors.New("no command")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if os.Getenv(sqltest.EnvURL) != "" {
		return cmd.Run()
	}
	cluster, err := sqltest.StartCluster(ctx, settings...)
	switch {
	case errors.Is(err, sqltest.ErrNoPostgres) && os.Getenv("CI") != "true":
		fmt.Fprintln(os.Stderr, "!!! SKIPPED: all tests on PostgreSQL:", err)
		return cmd.Run()
	case err != nil:
		return err
	}
	cmd.Env = append(os.Environ(), sqltest.EnvURL+"="+cluster.URL)
	return errors.Join(cmd.Run(), cluster.Close())
}
